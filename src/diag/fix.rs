//! What to write instead: the remedy of a mistake as data, for editors.

use super::Span;

/// A change to a text: `text` instead of what stands at `span`. An empty span inserts, an empty text
/// leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    pub span: Span,
    pub text: String,
}
