//! Names, inheritance, overrides and defaults: from the tree to checked, lowered models.

use crate::diag::{SourceId, Span};
use crate::graph::Graph;

/// A published number, shown beside ours.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// `params`, `ptflops`, `macs`, `top1`, `top3`.
    pub quantity: String,
    /// As in the text: `3.02M`.
    pub written: String,
    pub value: f64,
    pub span: Span,
}

/// One model of a file.
#[derive(Debug, Clone)]
pub struct Checked {
    pub name: String,
    pub label: Option<String>,
    pub doc: Option<String>,
    pub source: SourceId,
    /// None if the model is in error.
    pub graph: Option<Graph>,
    pub paper: Vec<Claim>,
}

/// What a file holds.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// In the order of the text; families and models brought in by `use` are not among them.
    pub models: Vec<Checked>,
}
