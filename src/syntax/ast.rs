//! The syntax tree: shapes of text only. Which keys, kinds and items exist is the schema's business.

use crate::diag::{SourceId, Span, Spanned};

/// A file: a body without braces. Its settings are items (`model tiny "label" from x { … }` has the
/// path `model`, the row `tiny "label"`, a link and a body).
#[derive(Debug, Clone, PartialEq)]
pub struct File {
    pub source: SourceId,
    pub settings: Vec<Setting>,
}

/// `/// doc` `path row links body`.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The lines of `///` above it, joined by line breaks, without the slashes.
    pub doc: Option<String>,
    pub path: Path,
    pub row: Vec<Spanned<Literal>>,
    pub links: Vec<Link>,
    pub body: Option<Body>,
    /// From the path to the end of the row or links (not the body).
    pub span: Span,
    /// Its line could not be read to the end, which was reported: it says nothing, but counts as said.
    pub broken: bool,
}

impl Setting {
    /// Its row, or all of it where there is none.
    pub fn row_span(&self) -> Span {
        match (self.row.first(), self.row.last()) {
            (Some(first), Some(last)) => first.span.to(last.span),
            _ => self.span,
        }
    }
}

/// `mixer.grid@3..4`.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// At least one.
    pub keys: Vec<Spanned<String>>,
    pub selector: Option<Spanned<Selector>>,
    pub span: Span,
}

/// Which stages, counted from 1, both ends included.
#[derive(Debug, Clone, PartialEq)]
pub enum Selector {
    Each,
    Stages(Vec<(usize, usize)>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    From,
    With,
    Of,
}

impl Relation {
    pub fn word(self) -> &'static str {
        match self {
            Relation::From => "from",
            Relation::With => "with",
            Relation::Of => "of",
        }
    }
}

/// `from parent`, `with a, b`.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    pub relation: Spanned<Relation>,
    pub names: Vec<Spanned<String>>,
}

/// A value as written.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `7x7`; also three or more.
    Size(Vec<usize>),
    Number(Number),
    /// `8%..100%`, both ends included.
    Range(Number, Number),
    Name(String),
    /// Escapes resolved.
    Text(String),
}

/// `3.2M`: as written, its value without the unit, and the unit (empty if none).
#[derive(Debug, Clone, PartialEq)]
pub struct Number {
    /// Without underscores and unit, e.g. `3.2`; its digits say how exact an `expect` is.
    pub digits: String,
    pub value: f64,
    pub unit: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Body {
    pub settings: Vec<Setting>,
    /// The opening brace.
    pub open: Span,
    /// Where the closing brace stands, or is missing.
    pub end: u32,
    /// It is never closed, or a line of it could not be read at all; which was reported.
    pub broken: bool,
}
