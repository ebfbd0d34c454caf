//! Which text a mistake is shown in.

use super::documents::Documents;
use super::reading::Reading;
use super::view::View;
use crate::diag::{Diagnostic, Label, SourceId, Span};
use crate::model::Items;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What was found in a text and those it uses, every mistake with the place first that it is shown at.
/// A text is right by itself whatever those that use it say: what contradicts it is shown in them.
pub fn at_home(reading: &Reading, documents: &Documents) -> Vec<Diagnostic> {
    let mut alone = Alone { reading, documents, found: BTreeMap::new() };
    let mut shown = Vec::new();
    for diagnostic in &reading.study.diags.0 {
        let diagnostic = moved(diagnostic, &reading.study.items);
        if home(&diagnostic) != View::ROOT && !alone.says(&diagnostic) {
            shown.extend(brought_in(&diagnostic, reading));
        }
        shown.push(diagnostic);
    }
    shown.sort_by_key(|d| d.labels.first().map(|label| label.span));
    shown
}

/// The text a diagnostic is shown in: that of its first place.
pub fn home(diagnostic: &Diagnostic) -> SourceId {
    diagnostic.labels.first().map_or(SourceId::default(), |label| label.span.source)
}

/// The mistake with its place in the text that made it first: the lowest that reads all the others. That
/// text alone is changed by its fixes, as the others are right.
fn moved(diagnostic: &Diagnostic, items: &Items) -> Diagnostic {
    let mut moved = diagnostic.clone();
    let sources: BTreeSet<SourceId> = moved.labels.iter().map(|label| label.span.source).collect();
    let reads_all = |at: &SourceId| sources.is_subset(&reach(items, *at));
    let maker = match sources.len() {
        0 | 1 => return moved,
        // Those that use each other read the same: then the first of them.
        _ => sources.iter().copied().filter(reads_all).min_by_key(|at| reach(items, *at).len()),
    };
    let at = moved.labels.iter().position(|label| Some(label.span.source) == maker);
    if let Some(at) = at.filter(|at| *at > 0) {
        moved.labels[..=at].rotate_right(1);
        moved.fixes.retain(|fix| Some(fix.span.source) == maker);
    }
    moved
}

/// A text and all that it uses, at first or second hand.
fn reach(items: &Items, from: SourceId) -> BTreeSet<SourceId> {
    let mut reached = BTreeSet::from([from]);
    let mut waiting = vec![from];
    while let Some(at) = waiting.pop() {
        let used = items.sees.get(&at).into_iter().flatten();
        waiting.extend(used.copied().filter(|used| reached.insert(*used)));
    }
    reached
}

/// A mistake with no place in the text that was read, as it is shown in there too: at the one model it can
/// be of, or where what it is about is brought in.
fn brought_in(diagnostic: &Diagnostic, reading: &Reading) -> Option<Diagnostic> {
    let items = &reading.study.items;
    let program = &reading.study.program;
    let fits = |failed: bool| failed || !diagnostic.is_error();
    let mut models = program.models.iter().filter(|model| fits(model.graph.is_none()));
    let line = || {
        let leads = |to| reach(items, to).contains(&home(diagnostic));
        let line = items.uses.iter().find(|line| line.from == View::ROOT && leads(line.to))?;
        Some(Label { span: line.span, message: "brought in here".to_string() })
    };
    let first = match (models.next(), models.next()) {
        (Some(model), None) if program.ablations.is_empty() || diagnostic.is_error() => {
            Label { span: model.span, message: format!("in the model `{}`", model.name) }
        }
        _ => line()?,
    };
    let mut shown = diagnostic.clone();
    shown.labels.insert(0, first);
    shown.fixes.clear();
    Some(shown)
}

/// What is found in the used texts by themselves, each checked when it is first asked for.
struct Alone<'a> {
    reading: &'a Reading,
    documents: &'a Documents,
    found: BTreeMap<PathBuf, Reading>,
}

impl Alone<'_> {
    /// Whether the text that a mistake is shown in has it whoever uses it.
    fn says(&mut self, diagnostic: &Diagnostic) -> bool {
        let path = self.reading.path(home(diagnostic));
        let documents = self.documents;
        let check = || Reading::checked(documents, &path).unwrap_or_default();
        let alone = self.found.entry(path.clone()).or_insert_with(check);
        let Some(place) = diagnostic.labels.first().map(|label| label.span) else { return false };
        // There it may be another place that comes first.
        let own = Span { source: View::ROOT, ..place };
        let same = |other: &Diagnostic| other.labels.iter().any(|label| label.span == own);
        alone.study.diags.0.iter().any(|other| other.code == diagnostic.code && same(other))
    }
}
