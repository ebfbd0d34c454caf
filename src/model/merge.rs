//! Layers onto trees: one for the whole model, one for every stage. An upper layer always wins.

use super::assign::{Outcome, Scope, offs};
use super::items::{ITEM_SLOTS, Item, Items};
use super::layers::{Duty, Line, Stack, speak};
use super::rows::{self, Counts, MAX_STAGES, Outgrown};
use super::settings::{Stage, Whole, is_per_stage};
use crate::diag::{Diagnostic, Diags, Help, OVERRIDE, Sources, Span, Spanned, Written};
use crate::schema::{Field, Kind, Tree, Ty, Value};
use crate::syntax::ast::Literal;
use std::collections::BTreeSet;
use std::rc::Rc;

/// What the layers together say.
#[derive(Debug, Clone)]
pub struct Merged {
    pub whole: Tree,
    /// One for every stage, those that are off too.
    pub stages: Vec<Tree>,
    /// Keys of settings that were said, but wrongly.
    pub failed: BTreeSet<String>,
    /// Every line about the network made sense, so that shapes can be told.
    pub sound: bool,
}

impl Merged {
    /// The stage is left out (`blocks off`).
    pub fn is_off(&self, index: usize) -> bool {
        matches!(self.stages[index].fields.get("blocks"), Some(Spanned { value: Value::Off, .. }))
    }
}

/// Lays the layers over each other, lowest first. With `holes`, kinds and the number of stages may be
/// missing: a family by itself is checked as far as it goes.
pub fn merge(
    sources: &Sources,
    items: &Items,
    item: &Item,
    stack: &Stack,
    holes: bool,
    diags: &mut Diags,
) -> Merged {
    let holes = holes || !stack.complete;
    let counts = Counts::of(&stack.layers);
    let count = counts.last();
    let mut merged = Merged {
        whole: Tree::new(Whole::KIND, None),
        stages: vec![Tree::new(Stage::KIND, None); count.map_or(holes.into(), |c| c.value)],
        failed: BTreeSet::new(),
        sound: stack.complete,
    };
    if let (Some(first), true) = (merged.stages.first_mut(), count.is_some()) {
        first.fields.insert("pool", Spanned::new(Value::Off, item.name.span));
    }
    let mut failed = BTreeSet::new();
    let mut outgrown = Outgrown::default();
    for (index, layer) in stack.layers.iter().enumerate() {
        let own = counts.at(index);
        let below = stack.layers[..index].iter().find(|below| below.is_of(layer));
        let mut scope = Scope {
            sources,
            items,
            home: layer.home,
            diags,
            failed: &mut failed,
            outgrown: &mut outgrown,
            owner: item.name.value.clone(),
            columns: None,
            inside: Rc::default(),
            afresh: false,
            offs: offs(&layer.lines),
            laid: below.and_then(|below| Some([layer.named?, below.named?])),
            holes,
        };
        let mut idle = !layer.lines.is_empty();
        // Kinds whose name was wrong: whether what is inside repeats anything can not be told.
        let mut told: Vec<Vec<&str>> = Vec::new();
        speak(&layer.lines, |line| {
            let outcomes = apply(&mut scope, &mut merged, count.zip(own), line);
            let before = outcomes.iter().find_map(|o| match o {
                Outcome::Same(span) => Some(*span),
                _ => None,
            });
            let all_same = outcomes.iter().all(|o| matches!(o, Outcome::Same(_)));
            idle &= all_same && before.is_some();
            let path = line.path();
            if outcomes.contains(&Outcome::Told) {
                told.push(path.clone());
            }
            if let Some(before) = before.filter(|_| all_same)
                && !told.iter().any(|told| path.starts_with(told))
                && let Some(diagnostic) = idle_line(layer.duty, line, before)
            {
                scope.diags.push(diagnostic);
            }
            let sense = !outcomes.contains(&Outcome::Failed);
            if !sense && (line.selector.is_none() || line.broken) {
                scope.outgrown.answered(&path);
            }
            // What is wrong with data or recipe leaves shapes as they are.
            merged.sound &= sense && !outcomes.contains(&Outcome::Told)
                || ["data", "recipe"].contains(&line.keys[0].as_str());
            sense
        });
        if let (Duty::Some(name), true) = (layer.duty, idle) {
            let word = layer.name.split(' ').next().unwrap_or_default();
            diags.push(
                Diagnostic::warning("W0302", format!("this {word} changes nothing"))
                    .at(name, "says what holds already")
                    .help("leave it out"),
            );
        }
    }
    if let Some(last) = count {
        let (keys, found) = outgrown.hold(&merged.stages, last);
        merged.sound &= found.is_empty();
        failed.extend(keys);
        found.into_iter().for_each(|told| diags.push(told));
    }
    merged.failed = failed;
    merged
}

/// Checks an item of a slot by itself; what it says, if its kind is known.
pub fn item(
    sources: &Sources,
    items: &Items,
    item: &Item,
    slot: &str,
    diags: &mut Diags,
) -> Option<Tree> {
    let slot = ITEM_SLOTS.iter().find(|s| s.name == slot)?;
    let mut scope = Scope {
        sources,
        items,
        home: item.home,
        diags,
        failed: &mut BTreeSet::new(),
        outgrown: &mut Outgrown::default(),
        owner: item.name.value.clone(),
        columns: None,
        inside: Rc::default(),
        afresh: false,
        offs: Vec::new(),
        laid: None,
        holes: false,
    };
    scope.item_tree(item, slot, &mut Vec::new())
}

/// A line that says what holds already, where that is a mistake.
fn idle_line(duty: Duty, line: &Line, before: Span) -> Option<Diagnostic> {
    let message = "this line changes nothing";
    let diagnostic = match duty {
        Duty::Each => Diagnostic::warning("W0301", message),
        Duty::Case => Diagnostic::error("E0404", message),
        Duty::Free | Duty::Some(_) => return None,
    };
    let diagnostic = diagnostic
        .at(line.span, "says what holds already")
        .at(before, "said here")
        .help("leave it out");
    // Behind a line without a value stands a body.
    if line.row.is_empty() || line.open.is_some() {
        return Some(diagnostic);
    }
    Some(diagnostic.fix(line.span, ""))
}

fn apply(
    scope: &mut Scope<'_>,
    merged: &mut Merged,
    count: Option<(Spanned<usize>, Spanned<usize>)>,
    line: &Line,
) -> Vec<Outcome> {
    let key = &line.keys[0];
    (scope.columns, scope.inside, scope.afresh) = (None, line.inside.clone(), false);
    if line.broken {
        let stage = merged.stages.first_mut();
        let tree = match Whole::KIND.field(key) {
            Some(_) => Some(&merged.whole),
            None => stage.map(|stage| &*stage).filter(|_| is_per_stage(key)),
        };
        match tree {
            Some(tree) => scope.check_keys(tree, None, &line.keys),
            None if is_per_stage(key) => {}
            None => {
                scope.no_setting("a model", &[Whole::KIND, Stage::KIND], key);
            }
        }
        return vec![scope.failed_line(line)];
    }
    if two_settings(scope, line) || scope.row_with_body(line) {
        return vec![scope.failed_line(line)];
    }
    if let Some(stage) = of_a_stage(scope, line) {
        if !scope.diags.0.iter().any(|told| told.labels == stage.labels) {
            scope.diags.push(stage);
        }
        return vec![Outcome::Failed];
    }
    if Whole::KIND.field(key).is_some() {
        if let Some(selector) = &line.selector {
            let message = format!("`{}` is said of the whole model", key.value);
            scope.diags.push(
                Diagnostic::error("E0312", message)
                    .at(selector.span, "selects stages")
                    .help("leave the selector out")
                    .fix(rows::with_at(selector.span), ""),
            );
            return vec![scope.failed_line(line)];
        }
        if key.value == "stages" && count.is_none_or(|(last, _)| last.span != line.row_span()) {
            check_count(scope, line);
        }
        return vec![scope.assign(&mut merged.whole, None, &line.keys, &line.row, line.span)];
    }
    if !is_per_stage(key) {
        return vec![unknown(scope, line)];
    }
    // Without a count nothing can be said of rows; that it is missing is reported once.
    let Some((last, own)) = count else {
        if let Some(any) = merged.stages.first_mut() {
            return each_by_itself(scope, any, line);
        }
        scope.failed.insert(key.value.clone());
        return Vec::new();
    };
    let columns = match rows::columns(line, last, own) {
        Ok(columns) => columns,
        Err(diagnostic) => {
            scope.diags.push(diagnostic);
            return vec![scope.failed_line(line)];
        }
    };
    scope.columns = Some(columns.said.len());
    let again = |(stage, row): &(usize, &[Spanned<Literal>])| {
        scope.names_again(&merged.stages[stage - 1], &line.keys, row)
    };
    scope.afresh = !columns.said.iter().all(again);
    let mut say = |(stage, row): (usize, _)| {
        scope.assign(&mut merged.stages[stage - 1], None, &line.keys, row, line.span)
    };
    let outcomes = columns.said.into_iter().map(&mut say).collect();
    if columns.outgrown {
        scope.outgrown.push(line, own);
    }
    outcomes
}

/// Says every value of a row where it is not known how many there should be.
fn each_by_itself(scope: &mut Scope<'_>, any: &mut Tree, line: &Line) -> Vec<Outcome> {
    let before = any.clone();
    let values = if line.row.is_empty() { vec![&[][..]] } else { line.row.chunks(1).collect() };
    scope.afresh = !values.iter().all(|row| scope.names_again(any, &line.keys, row));
    let say = |row| {
        *any = before.clone();
        scope.assign(any, None, &line.keys, row, line.span)
    };
    values.into_iter().map(say).collect()
}

impl Scope<'_> {
    /// The setting of a line was said, but wrongly: that it is missing must not follow.
    fn failed_line(&mut self, line: &Line) -> Outcome {
        self.failed.extend(line.keys.iter().map(|key| key.value.clone()));
        Outcome::Failed
    }
}

/// A setting begins in the row of another one.
fn two_settings(scope: &mut Scope<'_>, line: &Line) -> bool {
    if line.row.len() < 2 {
        return false;
    }
    let settings = every_setting();
    let last = line.keys[line.keys.len() - 1].value.as_str();
    let stray = line.row.iter().skip(1).find_map(|value| match &value.value {
        // A word may be a setting and a value, as in `query heads joint`.
        Literal::Name(name) if settings.iter().any(|f| f.name == name) => {
            let literal = std::slice::from_ref(&value.value);
            let fits = settings.iter().any(|f| f.name == last && f.ty.parse(literal).is_some());
            (!fits).then_some((name, value.span))
        }
        _ => None,
    });
    let Some((name, span)) = stray else { return false };
    scope.failed.insert(name.clone());
    scope.diags.push(
        Diagnostic::error("E0318", format!("`{name}` looks like the next setting"))
            .at(span, format!("in the row of `{last}`"))
            .help(match scope.sources.get(span.source).name == OVERRIDE {
                true => "give every setting a `--set` of its own",
                false => "start a line, or write `;` before it",
            })
            .fix(Span { end: span.start, ..span }, "; "),
    );
    true
}

/// Every setting a model has, at any depth.
fn every_setting() -> Vec<&'static Field> {
    fn collect(kind: &'static Kind, all: &mut Vec<&'static Field>) {
        for field in kind.fields {
            all.push(field);
            match field.ty.inner() {
                Ty::Slot(slot) => slot.kinds.iter().for_each(|kind| collect(kind, all)),
                Ty::Group(kind) => collect(kind, all),
                _ => {}
            }
        }
    }
    let mut all = Vec::new();
    collect(Whole::KIND, &mut all);
    collect(Stage::KIND, &mut all);
    all
}

fn check_count(scope: &mut Scope<'_>, line: &Line) {
    if let [Spanned { value: Literal::Number(number), span }] = &line.row[..]
        && number.value > MAX_STAGES as f64
    {
        let message = format!("a model has at most {MAX_STAGES} stages");
        scope.diags.push(Diagnostic::error("E0314", message).at(*span, "too many"));
    }
}

fn unknown(scope: &mut Scope<'_>, line: &Line) -> Outcome {
    scope.no_setting("a model", &[Whole::KIND, Stage::KIND], &line.keys[0])
}

/// `stage 3 { width 160 }`, `stage3 { width 160 }`, `stages@3 { width 160 }`: what is meant is a setting
/// of the stage.
fn of_a_stage(scope: &Scope<'_>, line: &Line) -> Option<Diagnostic> {
    let key = line.keys[0].value.as_str();
    let number = key.strip_prefix("stage")?;
    let inside = line.keys.len() > 1;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) && (number != "s" || !inside) {
        return None;
    }
    let selected = line.selector.as_ref().map(|selector| scope.sources.slice(selector.span));
    let number = match (&line.row[..], selected) {
        _ if number.starts_with(|c: char| c.is_ascii_digit()) => number.to_string(),
        (_, Some(stages)) => stages.to_string(),
        ([Spanned { value: Literal::Number(number), .. }], _) if !inside => number.digits.clone(),
        _ => "3".to_string(),
    };
    let setting = match inside {
        true => {
            let row = scope.sources.slice(line.row_span());
            Some(Written::new(line.path()[1..].join("."), row))
        }
        false => line.inside.first().map(|setting| scope.squeezed(setting)),
    };
    let Written { path, row } = setting.unwrap_or_else(|| Written::new("width", "160"));
    let path = path.split('@').next().unwrap_or(&path);
    let place = if inside { line.keys[0].span } else { line.span };
    Some(
        Diagnostic::error("E0301", "a stage is a column, selected at the end of a path")
            .at(place, "no setting of a model")
            .help(Help::write(format!("{path}@{number}"), row)),
    )
}
