//! The settings of a model as they hold: layers merged, defaults filled in.

use super::merge::Merged;
use super::settings::first_stage;
use crate::diag::Span;
use crate::schema::{Field, Tree, Value, default_of};

/// A setting of a model, or of one of its stages.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// `mixer.grid`.
    pub path: String,
    /// From 1; none if it is said of the whole model.
    pub stage: Option<usize>,
    /// As it would be written; of a kind its name.
    pub value: String,
    /// The text that said it; none for a default.
    pub said: Option<Span>,
    pub field: &'static Field,
}

/// All settings, those of the whole first. What must be said and was not is left out.
pub fn resolve(merged: &Merged) -> Vec<Resolved> {
    let mut settings = Vec::new();
    collect(&merged.whole, "", None, &mut settings, &|_| true);
    for (index, tree) in merged.stages.iter().enumerate() {
        let (stage, off) = (index + 1, merged.is_off(index));
        let speaks = |key: &str| first_stage(key) <= stage && (!off || key == "blocks");
        collect(tree, "", Some(stage), &mut settings, &speaks);
    }
    settings
}

pub(super) fn collect(
    tree: &Tree,
    prefix: &str,
    stage: Option<usize>,
    out: &mut Vec<Resolved>,
    speaks: &dyn Fn(&str) -> bool,
) {
    for field in tree.kind.fields.iter().filter(|field| speaks(field.name)) {
        let said = tree.fields.get(field.name);
        let Some(value) = said.map(|said| said.value.clone()).or_else(|| default_of(field)) else {
            continue;
        };
        let path = format!("{prefix}{}", field.name);
        // A group has no name of its own: what is inside it says that it is there.
        if !(matches!(value, Value::Tree(_)) && field.ty.implicit().is_some()) {
            out.push(Resolved {
                path: path.clone(),
                stage,
                value: value.to_string(),
                said: said.map(|said| said.span),
                field,
            });
        }
        if let Value::Tree(inside) = &value {
            collect(inside, &format!("{path}."), stage, out, &|_| true);
        }
    }
}

/// The values of a path over the stages: one if they agree, else a row, `-` where a stage has none.
pub fn row(settings: &[Resolved], path: &str) -> Option<String> {
    let said: Vec<&Resolved> = settings.iter().filter(|s| s.path == path).collect();
    let first = said.first()?;
    if said.iter().all(|s| s.value == first.value) {
        return Some(first.value.clone());
    }
    let stages = settings.iter().filter_map(|s| s.stage).max().unwrap_or(0);
    let from = first_stage(path.split('.').next().unwrap_or(path));
    let cell = |stage| {
        let found = said.iter().find(|s| s.stage == Some(stage));
        found.map_or("-", |s| s.value.as_str())
    };
    Some((from..=stages).map(cell).collect::<Vec<_>>().join(" "))
}
