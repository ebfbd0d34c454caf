//! Layers: the stack of bodies that make a model, each flattened to lines.

use super::items::{Item, Items, Sort, circle};
use crate::diag::{Diagnostic, Diags, Help, SourceId, Span, Spanned};
use crate::schema::is_off;
use crate::syntax::ast::{Body, Literal, Selector, Setting};
use std::collections::BTreeMap;
use std::rc::Rc;

/// One body (of a parent, a family, the model itself, or a `--set`).
#[derive(Debug, Clone)]
pub struct Layer {
    /// `family cluenet`, `model tiny`, `--set`.
    pub name: String,
    pub lines: Vec<Line>,
    /// The name by which a relation lays it.
    pub named: Option<Span>,
    /// The file whose names its lines see.
    pub home: SourceId,
    pub duty: Duty,
}

impl Layer {
    /// Whether both are the body of one item.
    pub fn is_of(&self, other: &Layer) -> bool {
        let place = |layer: &Layer| layer.lines.first().map(|line| line.span);
        place(self).is_some() && place(self) == place(other)
    }
}

/// What a layer has to change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Duty {
    /// Nothing: a parent, or a model without one.
    Free,
    /// Something: a family laid over a parent, named here.
    Some(Span),
    /// Something with every line: a model's own body, and `--set`, over a parent.
    Each,
    /// The same of a case, where a line that changes nothing is an error.
    Case,
}

/// A setting with the path from the top: `mixer { grid@3 7x7 }` is `mixer.grid@3 7x7`.
#[derive(Debug, Clone)]
pub struct Line {
    pub keys: Vec<Spanned<String>>,
    pub selector: Option<Spanned<Selector>>,
    pub row: Vec<Spanned<Literal>>,
    pub span: Span,
    /// The opening brace, if a body that says something follows.
    pub open: Option<Span>,
    /// What stands in that body.
    pub inside: Rc<[Setting]>,
    /// It was reported already, and says nothing.
    pub broken: bool,
}

impl Line {
    pub fn row_span(&self) -> Span {
        match (self.row.first(), self.row.last()) {
            (Some(first), Some(last)) => first.span.to(last.span),
            _ => self.span,
        }
    }

    /// It turns its setting off.
    pub fn is_off(&self) -> bool {
        matches!(&self.row[..], [value] if is_off(std::slice::from_ref(&value.value)))
    }

    pub fn path(&self) -> Vec<&str> {
        self.keys.iter().map(|k| k.value.as_str()).collect()
    }
}

/// Speaks the lines of a layer: kinds before what is inside them, what holds for all stages before
/// what holds for some. The order is a property of the lines, not of where they stand. `say` tells
/// whether the line made sense; what stands inside a line that did not is passed over.
pub fn speak<'a>(lines: &'a [Line], mut say: impl FnMut(&'a Line) -> bool) {
    let mut lines: Vec<&Line> = lines.iter().collect();
    lines.sort_by_key(|line| (line.keys.len(), line.selector.is_some()));
    let mut senseless: Vec<Vec<&str>> = Vec::new();
    for line in lines {
        let path = line.path();
        if senseless.iter().any(|s| path.len() > s.len() && path.starts_with(s)) {
            continue;
        }
        if !say(line) {
            senseless.push(path);
        }
    }
}

/// The layers of a model.
pub struct Stack {
    /// Lowest first.
    pub layers: Vec<Layer>,
    /// No relation is in error and every line could be read: what is missing is missing.
    pub complete: bool,
}

/// The layers of a model, with those of its relations and `--set`.
pub fn stack(items: &Items, item: &Item, overrides: &[Setting], diags: &mut Diags) -> Stack {
    let mut stack = Stack { layers: Vec::new(), complete: true };
    push(items, item, &mut stack, &mut Vec::new(), diags);
    if let Some(own) = stack.layers.last_mut()
        && (item.from.is_some() || !item.with.is_empty())
    {
        own.duty = Duty::Each;
    }
    override_with(&mut stack, item.home, overrides, diags);
    stack
}

/// The layers of a case: those of the model it varies (none where that is not known), of the
/// `cases` it builds on, lowest first and itself the last, and of `--set`.
pub fn case_stack(
    items: &Items,
    base: Option<&Item>,
    cases: &[(&Item, Span)],
    overrides: &[Setting],
    diags: &mut Diags,
) -> Stack {
    let mut stack = match base {
        // What is wrong with the model is its own affair.
        Some(base) => self::stack(items, base, &[], &mut Diags::default()),
        None => Stack { layers: Vec::new(), complete: false },
    };
    stack.layers.iter_mut().for_each(|layer| layer.duty = Duty::Free);
    for (index, (case, named)) in cases.iter().enumerate() {
        let own = index + 1 == cases.len();
        let duty = if own { Duty::Case } else { Duty::Some(*named) };
        stack.complete &= !case.orphan && !case.body.as_ref().is_some_and(is_broken);
        stack.layers.push(Layer { duty, ..layer(case, diags) });
    }
    if let Some((case, _)) = cases.last() {
        override_with(&mut stack, case.home, overrides, diags);
    }
    stack
}

fn override_with(stack: &mut Stack, home: SourceId, overrides: &[Setting], diags: &mut Diags) {
    if overrides.is_empty() {
        return;
    }
    // One layer of all: as in a body, their order means nothing.
    let mut lines = Vec::new();
    flatten(overrides, &[], None, &mut lines, diags);
    let name = "--set".to_string();
    stack.layers.push(Layer { name, lines, named: None, home, duty: Duty::Each });
}

/// The body of an item as a layer that has nothing to change.
fn layer(item: &Item, diags: &mut Diags) -> Layer {
    let mut lines = lines(&item.body, diags);
    // What a model claims is no setting of it.
    lines.retain(|line| !["expect", "paper"].contains(&line.keys[0].value.as_str()));
    let name = format!("{} {}", item.sort.word(), item.name.value);
    Layer { name, lines, named: None, home: item.home, duty: Duty::Free }
}

fn push<'a>(
    items: &'a Items,
    item: &'a Item,
    stack: &mut Stack,
    path: &mut Vec<&'a Item>,
    diags: &mut Diags,
) {
    stack.complete &= !item.orphan && !item.body.as_ref().is_some_and(is_broken);
    if let Some(start) = path.iter().position(|p| p.name.span == item.name.span) {
        diags.push(circle(&path[start..]));
        stack.complete = false;
        return;
    }
    path.push(item);
    for name in item.from.iter().chain(&item.with) {
        let Some(base) = items.resolve(item, Sort::Model, name, diags) else {
            stack.complete = false;
            continue;
        };
        stack.complete &= !items.is_ambiguous(item, Sort::Model, name);
        push(items, base, stack, path, diags);
        if let Some(top) = stack.layers.last_mut() {
            top.named = Some(name.span);
        }
        // The first layer has nothing to change.
        if let Some(top) = stack.layers.last_mut().filter(|_| item.with.contains(name))
            && (item.from.is_some() || item.with.first() != Some(name))
        {
            top.duty = Duty::Some(name.span);
        }
    }
    path.pop();
    stack.layers.push(layer(item, diags));
}

fn is_broken(body: &Body) -> bool {
    body.broken || body.settings.iter().filter_map(|s| s.body.as_ref()).any(is_broken)
}

/// The lines of a body, after a check that nothing is said twice.
pub fn lines(body: &Option<Body>, diags: &mut Diags) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(body) = body {
        flatten(&body.settings, &[], None, &mut lines, diags);
    }
    twice(&lines, diags);
    lines
}

fn flatten(
    settings: &[Setting],
    prefix: &[Spanned<String>],
    around: Option<&Spanned<Selector>>,
    lines: &mut Vec<Line>,
    diags: &mut Diags,
) {
    for setting in settings {
        let keys: Vec<_> = prefix.iter().chain(&setting.path.keys).cloned().collect();
        let selector = setting.path.selector.as_ref().or(around);
        if let Some(link) = setting.links.first() {
            diags.push(
                Diagnostic::error("E0210", "only an item has a parent or families")
                    .at(link.relation.span, "does not fit here")
                    .help(
                        Help::from("a kind or a value follows its key: ")
                            .setting("pool", "conv")
                            .words(", ")
                            .setting("width", "32"),
                    ),
            );
        }
        let silent = setting.broken || !setting.links.is_empty();
        let bare = setting.row.is_empty() && setting.body.is_none() && !silent;
        if bare {
            let message = format!(
                "`{}` is given no value",
                setting.path.keys.last().map_or("", |k| k.as_str())
            );
            diags.push(Diagnostic::error("E0211", message).at(setting.span, "a value is missing"));
        }
        // An empty body is a line too: `jitter {}` turns it on.
        let first = setting.body.as_ref().and_then(|b| b.settings.first());
        if silent || !setting.row.is_empty() || first.is_none() && !bare {
            lines.push(Line {
                keys: keys.clone(),
                selector: selector.cloned(),
                row: setting.row.clone(),
                span: setting.span,
                open: setting.body.as_ref().filter(|_| first.is_some()).map(|b| b.open),
                inside: setting
                    .body
                    .iter()
                    .flat_map(|body| body.settings.iter().cloned())
                    .collect(),
                broken: silent,
            });
        }
        if let Some(body) = &setting.body {
            flatten(&body.settings, &keys, selector, lines, diags);
        }
    }
}

/// The arguments of the command line together are as one body: they say nothing twice.
pub fn argued(overrides: &[Setting], diags: &mut Diags) {
    let mut lines = Vec::new();
    flatten(overrides, &[], None, &mut lines, &mut Diags::default());
    twice(&lines, diags);
}

/// Inside a layer nothing is said twice; only a selector may speak before a single value for all.
fn twice(lines: &[Line], diags: &mut Diags) {
    let mut said: BTreeMap<Vec<&str>, Vec<&Line>> = BTreeMap::new();
    for line in lines.iter().filter(|line| !line.broken) {
        let earlier = said.entry(line.path()).or_default();
        let clashes = |earlier: &&&Line| match (&earlier.selector, &line.selector) {
            (Some(a), Some(b)) => overlap(a, b).is_some(),
            (None, None) => true,
            (None, Some(_)) => earlier.row.len() > 1,
            (Some(_), None) => line.row.len() > 1,
        };
        // Those between the two were told themselves.
        if let Some(first) = earlier.iter().find(clashes) {
            diags.push(said_twice(first, line));
        }
        earlier.push(line);
    }
}

fn said_twice(earlier: &Line, line: &Line) -> Diagnostic {
    let stage = match (&earlier.selector, &line.selector) {
        (Some(a), Some(b)) => overlap(a, b).flatten(),
        (Some(one), None) | (None, Some(one)) => first(one),
        (None, None) => None,
    };
    let path = line.path().join(".");
    // Of a row, the value that speaks of the stage.
    let place = |line: &Line| match (&line.selector, stage) {
        (None, Some(stage)) => {
            let column = stage.checked_sub(super::settings::first_stage(&line.keys[0]));
            column.and_then(|column| line.row.get(column)).map_or(line.span, |value| value.span)
        }
        _ => line.span,
    };
    // Every argument of the command line is a source of its own.
    let place_of = if line.span.source == earlier.span.source { " in one body" } else { "" };
    let message = match stage {
        Some(stage) => format!("`{path}` of stage {stage} is said twice{place_of}"),
        None => format!("`{path}` is said twice{place_of}"),
    };
    Diagnostic::error("E0303", message)
        .at(place(line), "again here")
        .at(place(earlier), "first here")
        .help("keep one")
}

/// Whether two selectors meet, and in which stage first, if that can be told.
fn overlap(a: &Selector, b: &Selector) -> Option<Option<usize>> {
    match (a, b) {
        (Selector::Stages(a), Selector::Stages(b)) => {
            let meet = |(al, ah): &(usize, usize), (bl, bh): &(usize, usize)| {
                (al <= bh && bl <= ah).then_some(*al.max(bl))
            };
            let stages = a.iter().flat_map(|a| b.iter().filter_map(move |b| meet(a, b)));
            stages.min().map(Some)
        }
        _ => Some(None),
    }
}

/// The first stage of a selector that names stages.
fn first(selector: &Selector) -> Option<usize> {
    match selector {
        Selector::Stages(ranges) => ranges.first().map(|(first, _)| *first),
        _ => None,
    }
}
