//! Quick fixes: what a diagnostic says to write instead.

use super::homes::home;
use super::reports::Shaper;
use super::view::View;
use crate::diag::{Fix, Span};
use gen_lsp_types::{CodeAction, CodeActionKind, TextEdit, WorkspaceEdit};
use std::collections::HashMap;
use std::ops::Range;

/// The fixes of every mistake that touches a range of the open text.
pub fn actions(view: View<'_>, range: Range<usize>) -> Vec<CodeAction> {
    let uris = |id| view.documents.uri(&view.reading.path(id));
    let mut shaper = Shaper::new(&view.reading.sources, &uris, view.encoding);
    let mut actions = Vec::new();
    for diagnostic in &view.reading.study.diags.0 {
        let touches =
            |span: Span| span.start as usize <= range.end && range.start <= span.end as usize;
        let first = diagnostic.labels.first().map(|label| label.span);
        if home(diagnostic) != View::ROOT || !first.is_some_and(touches) {
            continue;
        }
        for (index, fix) in diagnostic.fixes.iter().enumerate() {
            let edit =
                TextEdit { range: shaper.range(extent(view, fix)), new_text: fix.text.clone() };
            let changes = HashMap::from([(uris(fix.span.source), vec![edit])]);
            actions.push(CodeAction {
                title: title(view, fix),
                kind: Some(CodeActionKind::QuickFix),
                diagnostics: Some(vec![shaper.shape(diagnostic)]),
                is_preferred: Some(index == 0),
                edit: Some(WorkspaceEdit { changes: Some(changes), ..Default::default() }),
                ..Default::default()
            });
        }
    }
    actions
}

fn title(view: View<'_>, fix: &Fix) -> String {
    let old = view.reading.sources.slice(fix.span).trim();
    let new = fix.text.trim();
    match (old.is_empty(), new.is_empty()) {
        (_, true) => format!("leave out `{old}`"),
        (true, false) => format!("insert `{new}`"),
        // A title is one line.
        (false, false) => match new.split_once('\n') {
            Some((first, _)) => format!("write `{} …`", first.trim_end()),
            None => format!("write `{new}`"),
        },
    }
}

/// What a fix replaces. A line that it leaves nothing of goes as a whole.
fn extent(view: View<'_>, fix: &Fix) -> Span {
    let text = &view.reading.sources.get(fix.span.source).text;
    let (start, end) = (fix.span.start as usize, fix.span.end as usize);
    let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let next = text[end..].find('\n').map_or(text.len(), |at| end + at + 1);
    let alone = text[line..start].trim().is_empty() && text[end..next].trim().is_empty();
    match fix.text.is_empty() && alone {
        true => Span::new(fix.span.source, line, next),
        false => fix.span,
    }
}
