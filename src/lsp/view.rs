//! What an answer about a place of an open text is made from.

use super::documents::Documents;
use super::position::{Encoding, Lines};
use super::reading::Reading;
use crate::diag::{SourceId, Span};
use crate::model::{Item, Items, Look};
use crate::syntax::ast::File;
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
