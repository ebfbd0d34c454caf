//! What to write instead: the remedy of a mistake as data, for editors.

use super::Span;

/// A change to a text: `text` instead of what stands at `span`. An empty span inserts, an empty text
/// leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    pub span: Span,
    pub text: String,
    /// What it takes the value for, where another fix takes it for something else: the setting tells
    /// which is meant.
    pub reads: Option<Reading>,
}

/// What a value of another language may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    Size,
    Numbers,
}

impl Reading {
    pub fn other(self) -> Reading {
        match self {
            Reading::Size => Reading::Numbers,
            Reading::Numbers => Reading::Size,
        }
    }
}
