//! From syntax trees to models: items and names, layers, defaults, and the lowering to a graph.
//!
//! ```text
//! files ─items→ named items ─layers→ lines ─merge→ trees ─settings→ Settings ─lower→ Graph
//! ```
//! Names end here: whatever comes later sees typed settings only.

mod ablation;
mod assign;
mod brackets;
mod cases;
mod claims;
mod culprit;
mod elsewhere;
mod files;
mod gather;
mod history;
mod identity;
mod inputs;
mod items;
mod layers;
mod look;
mod lower;
mod mentions;
mod merge;
mod misfits;
mod missing;
mod print;
mod resolved;
mod rows;
mod sections;
mod settings;
mod unopened;
mod unused;

pub use ablation::{INSIDE as IN_ABLATIONS, Quantity, shown};
pub use cases::{Ablation, Case, Spoken};
pub use claims::{CLAIMS, Claim, quantities};
pub use files::{Reader as FileReader, tidy};
pub use gather::by_model;
pub use history::Step;
pub use identity::{Differs, Identity};
pub use items::{ITEM_SLOTS, Item, Items, Sort, Use, words};
pub use look::{Look, Step as PathStep, steps};
pub use mentions::Mention;
pub use resolved::{Resolved, row};
pub use sections::{Section, sections};
pub use settings::{Settings, Stage, is_per_stage};

use crate::diag::{
    Argument, Diagnostic, Diags, Label, OVERRIDE, Severity, SourceId, Sources, Span,
};
use crate::graph::Graph;
use crate::spec::{self, Data, Recipe};
use crate::syntax::ast;
use cases::Aim;
use merge::Merged;

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
    merged: Merged,
}

impl Checked {
    /// Every setting as it holds.
    pub fn settings(&self) -> Vec<Resolved> {
        resolved::resolve(&self.merged)
    }

    /// The model printed in full: parents, families and overrides resolved, nothing left to look up.
    pub fn text(&self) -> String {
        print::print(&self.name, self.label.as_deref(), &self.merged)
    }
}

/// The models and ablations of a file, in the order of the text.
#[derive(Debug, Clone, Default)]
pub struct Program {
    pub models: Vec<Checked>,
    pub ablations: Vec<Ablation>,
}

/// A file and those it uses, read and checked.
#[derive(Debug, Default)]
pub struct Study {
    pub items: Items,
    pub program: Program,
    pub diags: Diags,
}

/// What is said of a graph beyond what lowering found.
pub type Review<'a> = &'a dyn Fn(&Graph) -> Vec<Diagnostic>;

/// Checks and lowers the models and ablations of the file `root`, which `sets` (sources of `--set`
/// arguments) override; `review` sees every graph that has no mistake. They override what is spoken
/// `of`, and the warnings are those about it; errors are always all.
pub fn check(
    sources: &mut Sources,
    read: FileReader<'_>,
    root: SourceId,
    sets: &[SourceId],
    of: Spoken<'_>,
    review: Review<'_>,
) -> Study {
    let mut diags = Diags::default();
    let items = Items::load(sources, read, root, &mut diags);
    let mut misread = Diags::default();
    let overrides = overrides(sources, sets, &mut misread);
    layers::argued(&overrides, &mut misread);
    let overridden_wrongly = misread.has_errors();
    misread.0.into_iter().for_each(|d| diags.push(d));
    let only = of.only(&items, root);
    let only = only.as_deref();
    loose(sources, &items, root, &mut diags);
    let aim = Aim { only, overrides: &overrides };
    let mut models = Vec::new();
    let mut found = Vec::new();
    for item in items.models_of(root) {
        let overrides = aim.overrides(&item.name, None);
        let mut own = Diags::default();
        let stack = layers::stack(&items, item, overrides, &mut own);
        let mut checked = build(sources, &items, item, &stack, overrides.is_empty(), &mut own);
        // It is not the model that was asked for.
        if overridden_wrongly && aim.hits(&checked.name, None) {
            checked.graph = None;
        }
        let said = checked.graph.as_ref().map(review).unwrap_or_default();
        said.into_iter().for_each(|d| own.push(d));
        let heard = aim.hits(&checked.name, None);
        let own = own.0.into_iter().filter(|d| heard || d.is_error());
        found.extend(own.map(|d| (checked.name.clone(), d)));
        models.push(checked);
    }
    let mut ablations = Vec::new();
    for item in items.ablations_of(root) {
        let (ablation, own) = cases::check(sources, &items, item, aim, review);
        found.extend(own);
        ablations.extend(ablation);
    }
    gather::by_model(found).into_iter().for_each(|d| diags.push(d));
    // What is in error might have been what is used.
    if only.is_none() && !diags.has_errors() {
        unused::warn(&items, root, &mut diags);
        unused::warn_of_files(&items, root, &mut diags);
    }
    let mut diags = diags.0;
    for found in &mut diags {
        brackets::settle(sources, &items, found);
        if let Some(over) = overridden(sources, found) {
            let is_one = |path: &str| look::is_setting(path);
            let path = Argument::path(over);
            found.help = found.help.take().map(|help| help.in_arguments(path, is_one));
        }
    }
    diags.sort_by_key(|d| d.labels.first().map(|label| label.span));
    Study { items, program: Program { models, ablations }, diags: diags.into() }
}

/// The layers that spoke of the setting `path` of the model (or `ablation.case`) `name`, lowest first.
pub fn history(
    sources: &mut Sources,
    read: FileReader<'_>,
    root: SourceId,
    sets: &[SourceId],
    name: &str,
    path: &str,
) -> Vec<Step> {
    let mut diags = Diags::default();
    let items = Items::load(sources, read, root, &mut diags);
    let overrides = overrides(sources, sets, &mut diags);
    let Some((item, stack)) = cases::find(&items, root, name, &overrides) else {
        return Vec::new();
    };
    history::steps(sources, &items, &item, &stack, path)
}

fn overrides(sources: &Sources, sets: &[SourceId], diags: &mut Diags) -> Vec<ast::Setting> {
    let settings = sets.iter().filter_map(|&id| {
        let (setting, found) = crate::syntax::parse_argument(sources, id);
        found.0.into_iter().for_each(|d| diags.push(d));
        setting
    });
    settings.collect()
}

/// Checks what no model of the file is made of, as far as it goes by itself.
fn loose(sources: &Sources, items: &Items, root: SourceId, diags: &mut Diags) {
    let here = items.all.iter().filter(|item| item.home == root && unused::serves(item.sort));
    for item in here {
        if items.models_of(root).next().is_some() && unused::is_named(items, item) {
            continue;
        }
        match item.sort {
            Sort::Slot(name) => {
                merge::item(sources, items, item, name, diags);
            }
            _ => {
                let stack = layers::stack(items, item, &[], diags);
                merge::merge(sources, items, item, &stack, true, diags);
            }
        }
    }
}

/// The argument of the override that a mistake is one of, or lies under.
fn overridden<'a>(sources: &'a Sources, found: &Diagnostic) -> Option<&'a str> {
    let mut places = found.labels.iter().map(|label| sources.get(label.span.source));
    places.find(|source| source.name == OVERRIDE).map(|source| source.text.as_str())
}

/// What the text says contradicts itself, or what lies over it does: then it is told only, and once, for
/// not all that is done with a model needs its data, and whoever opens them looks.
fn disagreements(sources: &Sources, found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let (over, mut said): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|found| overridden(sources, found).is_some());
    said.extend(over.into_iter().reduce(|mut all, next| {
        all.message = format!("{}; {}", all.message, next.message);
        let new = next.labels.into_iter().filter(|label| !all.labels.contains(label));
        all.labels.extend(new.collect::<Vec<Label>>());
        all.help = all.help.zip(next.help).map(|(one, other)| one.words("\n").then(other));
        all
    }));
    for found in said.iter_mut().filter(|found| overridden(sources, found).is_some()) {
        (found.code, found.severity) = ("W0701", Severity::Warning);
        let help = found.help.take().unwrap_or_default();
        let help = help.words("\nby `--set` too, or leave the data out: ");
        found.help = Some(help.setting("data", "off"));
    }
    said
}

/// A model, or a case, from its layers. What it expects is held if it is as its text says.
fn build(
    sources: &Sources,
    items: &Items,
    item: &items::Item,
    stack: &layers::Stack,
    as_said: bool,
    diags: &mut Diags,
) -> Checked {
    let merged = merge::merge(sources, items, item, stack, false, diags);
    let settings = settings::read(item, &merged, stack.complete, diags);
    // Shapes of settings in error would only repeat the error.
    let graph = settings.as_ref().filter(|_| merged.sound).and_then(|settings| {
        let (graph, found) = lower::lower(settings);
        for found in found {
            diags.push(match found.code {
                culprit::TOO_LARGE => culprit::name(found, &merged),
                _ => found,
            });
        }
        (!diags.has_errors()).then_some(graph)
    });
    if let Some(recipe) = settings.as_ref().and_then(|settings| settings.recipe.value.as_ref()) {
        spec::review(recipe, graph.as_ref()).into_iter().for_each(|d| diags.push(d));
    }
    // Settings in error are the defaults here, which nobody meant.
    if let Some(Settings { data, whole, .. }) =
        settings.as_ref().filter(|_| merged.failed.is_empty())
    {
        let found = spec::agree(data, whole.input, whole.classes);
        disagreements(sources, found).into_iter().for_each(|d| diags.push(d));
    }
    let (expect, paper) = claims::of(item, diags);
    // An overridden model is another model: what the text expects of it does not hold it.
    if let Some(graph) = graph.as_ref().filter(|_| as_said) {
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
        graph,
        paper,
        merged,
    }
}
