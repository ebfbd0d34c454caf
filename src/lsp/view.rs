//! What an answer about a place of an open text is made from.

use super::documents::Documents;
use super::position::{Encoding, Lines};
use super::reading::Reading;
use crate::diag::{SourceId, Span};
use crate::model::{Item, Items, Look, Sort};
use crate::syntax::ast::{File, Setting};
use gen_lsp_types::Location;

/// An open text and what is known of it. Its own source is the first.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    pub reading: &'a Reading,
    pub documents: &'a Documents,
    pub encoding: Encoding,
}

impl<'a> View<'a> {
    pub const ROOT: SourceId = SourceId(0);

    pub fn text(&self) -> &'a str {
        &self.reading.sources.get(View::ROOT).text
    }

    pub fn tree(&self) -> Option<&'a File> {
        self.reading.study.items.files.get(&View::ROOT)
    }

    pub fn items(&self) -> &'a Items {
        &self.reading.study.items
    }

    /// The item, or the case of an ablation, whose settings stand in the innermost of these bodies,
    /// and the bodies inside it.
    pub fn owner<'b, 's>(self, around: &'b [&'s Setting]) -> Option<(&'a Item, &'b [&'s Setting])> {
        let (declaration, inside) = around.split_first()?;
        let item = self.items().declared(declaration)?;
        match inside {
            [case, inside @ ..] if item.sort == Sort::Ablation => {
                Some((self.items().declared(case)?, inside))
            }
            _ => Some((item, inside)),
        }
    }

    /// What holds in an item of this text or of one it uses.
    pub fn look(&self, item: &Item) -> Look {
        Look::at(&self.reading.sources, self.items(), item)
    }

    pub fn lines(&self, id: SourceId) -> Lines<'a> {
        Lines::new(&self.reading.sources.get(id).text, self.encoding)
    }

    pub fn location(&self, span: Span) -> Location {
        Location {
            uri: self.documents.uri(&self.reading.path(span.source)),
            range: self.lines(span.source).span(span),
        }
    }
}
