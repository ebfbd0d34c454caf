//! From syntax trees to models: items and names, layers, defaults, and the lowering to a graph.
//!
//! ```text
//! files ─items→ named items ─layers→ lines ─merge→ trees ─settings→ Settings ─lower→ Graph
//! ```
//! Names end here: whatever comes later sees typed settings only.

mod assign;
mod claims;
mod items;
mod layers;
mod lower;
mod merge;
mod print;
mod settings;

pub use claims::Claim;
pub use items::Reader as FileReader;
pub use settings::{Settings, Stage};

use crate::diag::{Diags, SourceId, Sources, Span};
use crate::graph::Graph;
use crate::spec::{Data, Recipe};
use items::Items;

/// A model of the text, checked.
#[derive(Debug, Clone)]
pub struct Checked {
    pub name: String,
    pub label: Option<String>,
    pub doc: Option<String>,
    pub source: SourceId,
    pub span: Span,
    /// None where the model is in error.
    pub graph: Option<Graph>,
    pub data: Option<Data>,
    pub recipe: Option<Recipe>,
    /// What a paper says of it.
    pub paper: Vec<Claim>,
    /// The model printed in full: parents, families and overrides resolved, nothing left to look up.
    pub text: String,
}

/// The models of a file, in the order of the text.
#[derive(Debug, Clone, Default)]
pub struct Program {
    pub models: Vec<Checked>,
}

/// Checks and lowers the models of the file `root`, which `sets` (sources of `--set` arguments)
/// override.
pub fn check(
    sources: &mut Sources,
    read: FileReader<'_>,
    root: SourceId,
    sets: &[SourceId],
) -> (Program, Diags) {
    let mut diags = Diags::default();
    let items = Items::load(sources, read, root, &mut diags);
    let overrides: Vec<_> = sets
        .iter()
        .filter_map(|&id| {
            let (setting, found) = crate::syntax::parse_argument(sources, id);
            found.0.into_iter().for_each(|d| diags.push(d));
            setting
        })
        .collect();
    let models = items
        .models_of(root)
        .map(|item| model(sources, &items, item, &overrides, &mut diags))
        .collect();
    (Program { models }, diags)
}

fn model(
    sources: &Sources,
    items: &Items,
    item: &items::Item,
    overrides: &[crate::syntax::ast::Setting],
    diags: &mut Diags,
) -> Checked {
    let before = diags.0.len();
    let stack = layers::stack(items, item, overrides, diags);
    let merged = merge::merge(sources, items, item, &stack, diags);
    let settings = settings::read(item, &merged, diags);
    // A graph of a model in error would only repeat the error.
    let clean = !diags.0[before..].iter().any(crate::diag::Diagnostic::is_error);
    let graph = settings.as_ref().filter(|_| clean).and_then(|settings| {
        let (graph, found) = lower::lower(settings);
        let clean = !found.has_errors();
        found.0.into_iter().for_each(|d| diags.push(d));
        clean.then_some(graph)
    });
    let (expect, paper) = claims::of(item, diags);
    // An overridden model is another model: what the text expects of it does not hold it.
    if let Some(graph) = graph.as_ref().filter(|_| overrides.is_empty()) {
        claims::hold(&expect, graph, diags);
    }
    let settings = settings.as_ref();
    Checked {
        name: item.name.value.clone(),
        label: item.label.clone(),
        doc: item.doc.clone(),
        source: item.home,
        span: item.name.span,
        data: settings.and_then(|s| s.data.value.clone()),
        recipe: settings.and_then(|s| s.recipe.value.clone()),
        text: print::print(item, &merged),
        graph,
        paper,
    }
}
