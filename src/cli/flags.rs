//! Flags that stand for settings: `--epochs 5` is `--set recipe.epochs=5`.

use crate::diag::{Argument, Diagnostic, Diags, Sources};

/// A flag may say what the text says: who writes it wants to be sure.
pub fn without_restating(diags: Diags, sources: &Sources) -> Diags {
    let flagged = |name: &str| name.starts_with("--") && !Argument::is_set(name);
    let restates = |d: &Diagnostic| {
        let first = d.labels.first();
        d.code == "W0301" && first.is_some_and(|l| flagged(&sources.get(l.span.source).name))
    };
    diags.0.into_iter().filter(|d| !restates(d)).collect::<Vec<_>>().into()
}
