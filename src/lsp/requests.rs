//! What an editor may ask about an open text, and which file answers.

use super::documents::path_of;
use super::server::{Answer, Server, error};
use super::view::View;
use super::{actions, complete, define, edits, hover, names, symbols};
use gen_lsp_types::*;
use serde_json::Value;

/// The code of a request that is understood, and can not be followed.
const REQUEST_FAILED: i32 = -32803;

/// Reads the parameters of a request, and writes its result.
pub fn reply<R: Request>(
    params: Value,
    answer: impl FnOnce(R::Params) -> Answer<R::Result>,
) -> Answer<Value> {
    let params = serde_json::from_value(params)
        .map_err(|wrong| error(ErrorCodes::InvalidParams, wrong.to_string()))?;
    serde_json::to_value(answer(params)?)
        .map_err(|wrong| error(ErrorCodes::InternalError, wrong.to_string()))
}

impl Server {
    pub fn tell(&self, method: LspRequestMethod<'_>, params: Value) -> Answer<Value> {
        use LspRequestMethod as Method;
        match method {
            Method::TextDocumentFormatting => {
                reply::<DocumentFormattingRequest>(params, |params| {
                    let view = self.view(&params.text_document)?;
                    Ok(Some(edits::format(view.text(), view.encoding)))
                })
            }
            Method::TextDocumentHover => reply::<HoverRequest>(params, |params| {
                let (view, byte) = self.place(&params.text_document_position_params)?;
                Ok(hover::hover(view, byte))
            }),
            Method::TextDocumentCompletion => reply::<CompletionRequest>(params, |params| {
                let (view, byte) = self.place(&params.text_document_position_params)?;
                let typed = params.context.and_then(|context| context.trigger_character);
                let items = complete::complete(view, byte, typed.as_deref() == Some(" "));
                Ok(Some(CompletionResponse::CompletionItemList(items)))
            }),
            Method::TextDocumentDefinition => reply::<DefinitionRequest>(params, |params| {
                let (view, byte) = self.place(&params.text_document_position_params)?;
                let places = define::definition(view, byte);
                Ok(Some(DefinitionResponse::Definition(Definition::LocationList(places))))
            }),
            Method::TextDocumentReferences => reply::<ReferencesRequest>(params, |params| {
                let (view, byte) = self.place(&params.text_document_position_params)?;
                let own = params.context.include_declaration;
                Ok(names::references(view, &self.folders, byte, own))
            }),
            Method::TextDocumentPrepareRename => reply::<PrepareRenameRequest>(params, |params| {
                let (view, byte) = self.place(&params.text_document_position_params)?;
                Ok(names::renamable(view, byte).map(|(range, placeholder)| {
                    let old = PrepareRenamePlaceholder { range, placeholder };
                    PrepareRenameResult::PrepareRenamePlaceholder(old)
                }))
            }),
            Method::TextDocumentRename => reply::<RenameRequest>(params, |params| {
                let (view, byte) = self.place(&params.text_document_position_params)?;
                let edit = names::rename(view, &self.folders, byte, &params.new_name);
                edit.map(Some).map_err(|why| error(ErrorCodes::Custom(REQUEST_FAILED), why))
            }),
            Method::TextDocumentCodeAction => reply::<CodeActionRequest>(params, |params| {
                let view = self.view(&params.text_document)?;
                let wanted = |only: &Vec<CodeActionKind>| only.contains(&CodeActionKind::QuickFix);
                if !params.context.only.as_ref().is_none_or(wanted) {
                    return Ok(None);
                }
                let range = view.lines(View::ROOT).bytes(params.range);
                let actions = actions::actions(view, range).into_iter();
                Ok(Some(actions.map(CodeActionResponse::CodeAction).collect()))
            }),
            Method::TextDocumentDocumentSymbol => {
                reply::<DocumentSymbolRequest>(params, |params| {
                    let symbols = symbols::symbols(self.view(&params.text_document)?);
                    Ok(Some(DocumentSymbolResponse::DocumentSymbolList(symbols)))
                })
            }
            Method::TextDocumentFoldingRange => reply::<FoldingRangeRequest>(params, |params| {
                Ok(Some(symbols::folds(self.view(&params.text_document)?)))
            }),
            method => {
                Err(error(ErrorCodes::MethodNotFound, format!("`{method}` is not answered here")))
            }
        }
    }

    /// What is known of an open text.
    fn view(&self, named: &TextDocumentIdentifier) -> Answer<View<'_>> {
        let reading = self.readings.get(&path_of(&named.uri)).ok_or_else(|| {
            error(ErrorCodes::InvalidParams, format!("{} is not open", named.uri))
        })?;
        Ok(View { reading, documents: &self.documents, encoding: self.encoding })
    }

    /// The same, and the byte of a place in it.
    fn place(&self, place: &TextDocumentPositionParams) -> Answer<(View<'_>, usize)> {
        let view = self.view(&place.text_document)?;
        Ok((view, view.lines(View::ROOT).byte(place.position)))
    }
}
