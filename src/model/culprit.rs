//! What makes a model too large to be counted: the largest number its text says.

use super::merge::Merged;
use crate::diag::{Diagnostic, Span};
use crate::schema::{Tree, Value};

/// The code of what is too large to be counted.
pub const TOO_LARGE: &str = "E0507";

/// Points at the largest number too.
pub fn name(diagnostic: Diagnostic, merged: &Merged) -> Diagnostic {
    let mut largest = None;
    collect(&merged.whole, "", &mut largest);
    merged.stages.iter().for_each(|stage| collect(stage, "", &mut largest));
    let Some(Number { path, span, .. }) = largest else { return diagnostic };
    if diagnostic.labels.iter().any(|label| label.span == span) {
        return diagnostic;
    }
    let help = format!("`{path}` is the largest number of the model");
    diagnostic.at(span, "the largest number").help(help)
}

struct Number {
    value: f64,
    path: String,
    span: Span,
}

fn collect(tree: &Tree, prefix: &str, largest: &mut Option<Number>) {
    for (&key, said) in &tree.fields {
        let path = format!("{prefix}{key}");
        let value = match &said.value {
            Value::Number(value) => *value,
            Value::Size([rows, columns]) => (*rows).max(*columns) as f64,
            // Neither images nor training have a part in shapes.
            Value::Tree(inner) if !["data", "recipe"].contains(&key) => {
                collect(inner, &format!("{path}."), largest);
                continue;
            }
            _ => continue,
        };
        if largest.as_ref().is_none_or(|number| value > number.value) {
            *largest = Some(Number { value, path, span: said.span });
        }
    }
}
