//! Layers onto trees: one for the whole model, one for every stage. An upper layer always wins.

use super::assign::{Outcome, Scope};
use super::items::{ITEM_SLOTS, Item, Items};
use super::layers::{Duty, Layer, Line, Stack, speak};
use super::settings::{Stage, Whole, first_stage, is_per_stage};
use crate::diag::{Diagnostic, Diags, Sources, Span, Spanned};
use crate::schema::{Count, Field, Kind, Setting, Tree, Ty, Value};
use crate::syntax::ast::{Literal, Selector};
use std::collections::BTreeSet;

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

/// More stages than any model has: rows are stored per stage.
const MAX_STAGES: usize = 64;

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
    let count = stage_count(&stack.layers);
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
    for layer in &stack.layers {
        let mut scope = Scope {
            sources,
            items,
            home: layer.home,
            diags,
            failed: &mut failed,
            owner: item.name.value.clone(),
            columns: None,
            inside: None,
            holes,
        };
        let mut idle = !layer.lines.is_empty();
        speak(&layer.lines, |line| {
            let outcomes = apply(&mut scope, &mut merged, count, line);
            let before = outcomes.iter().find_map(|o| match o {
                Outcome::Same(span) => Some(*span),
                _ => None,
            });
            let all_same = outcomes.iter().all(|o| matches!(o, Outcome::Same(_)));
            idle &= all_same && before.is_some();
            if let Some(before) = before.filter(|_| all_same)
                && let Some(diagnostic) = idle_line(layer.duty, line, before)
            {
                scope.diags.push(diagnostic);
            }
            let sense = !outcomes.contains(&Outcome::Failed);
            // What is wrong with data or recipe leaves shapes as they are.
            merged.sound &= sense || ["data", "recipe"].contains(&line.keys[0].as_str());
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
        owner: item.name.value.clone(),
        columns: None,
        inside: None,
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

/// The last valid `stages` of the layers.
fn stage_count(layers: &[Layer]) -> Option<Spanned<usize>> {
    let lines = layers.iter().flat_map(|l| &l.lines);
    lines
        .filter(|line| line.keys.len() == 1 && line.keys[0].value == "stages")
        .filter_map(|line| {
            let literals: Vec<Literal> = line.row.iter().map(|l| l.value.clone()).collect();
            match Count::TY.parse(&literals) {
                Some(Value::Number(n)) if n as usize <= MAX_STAGES => {
                    Some(Spanned::new(n as usize, line.row_span()))
                }
                _ => None,
            }
        })
        .next_back()
}

fn apply(
    scope: &mut Scope<'_>,
    merged: &mut Merged,
    count: Option<Spanned<usize>>,
    line: &Line,
) -> Vec<Outcome> {
    let key = &line.keys[0];
    (scope.columns, scope.inside) = (None, line.inside);
    if line.broken {
        return vec![scope.failed_line(line)];
    }
    if two_settings(scope, line) || scope.row_with_body(line) {
        return vec![scope.failed_line(line)];
    }
    if Whole::KIND.field(key).is_some() {
        if let Some(selector) = &line.selector {
            let message = format!("`{}` is said of the whole model", key.value);
            scope.diags.push(
                Diagnostic::error("E0312", message)
                    .at(selector.span, "selects stages")
                    .help("leave the selector out")
                    .fix(behind_at(selector.span), ""),
            );
            return vec![scope.failed_line(line)];
        }
        if key.value == "stages" && count.is_none_or(|c| c.span != line.row_span()) {
            check_count(scope, line);
        }
        return vec![scope.assign(&mut merged.whole, None, &line.keys, &line.row, line.span)];
    }
    if !is_per_stage(key) {
        return vec![unknown(scope, line)];
    }
    // Without a count nothing can be said of rows; that it is missing is reported once.
    let Some(count) = count else {
        if let Some(any) = merged.stages.first_mut() {
            return each_by_itself(scope, any, line);
        }
        scope.failed.insert(key.value.clone());
        return Vec::new();
    };
    let Some(columns) = columns(scope, line, count) else {
        return vec![scope.failed_line(line)];
    };
    scope.columns = Some(columns.len());
    columns
        .into_iter()
        .map(|(stage, row)| {
            scope.assign(&mut merged.stages[stage - 1], None, &line.keys, row, line.span)
        })
        .collect()
}

/// A selector with its `@`.
fn behind_at(selector: Span) -> Span {
    Span { start: selector.start - 1, ..selector }
}

/// Says every value of a row where it is not known how many there should be.
fn each_by_itself(scope: &mut Scope<'_>, any: &mut Tree, line: &Line) -> Vec<Outcome> {
    let before = any.clone();
    let values = if line.row.is_empty() { vec![&[][..]] } else { line.row.chunks(1).collect() };
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
            .help("start a line, or write `;` before it")
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
    let key = &line.keys[0];
    if key.value == "stage" {
        scope.diags.push(stage_block(scope, line));
        return Outcome::Failed;
    }
    scope.no_setting("a model", &[Whole::KIND, Stage::KIND], key)
}

/// `stage 3 { width 160 }`.
fn stage_block(scope: &Scope<'_>, line: &Line) -> Diagnostic {
    let number = match &line.row[..] {
        [Spanned { value: Literal::Number(number), .. }] => number.digits.clone(),
        _ => "3".to_string(),
    };
    let inside = line.inside.map(|span| scope.squeezed(span));
    let (path, value) =
        inside.as_deref().and_then(|s| s.split_once(' ')).unwrap_or(("width", "160"));
    let path = path.split('@').next().unwrap_or(path);
    Diagnostic::error("E0301", "a stage is a column, selected at the end of a path")
        .at(line.span, "no setting of a model")
        .help(format!("write `{path}@{number} {value}`"))
}

/// Stages, from 0, and what a line says of each.
type Columns<'a> = Vec<(usize, &'a [Spanned<Literal>])>;

/// Which stages a line speaks of, and what it says of each.
fn columns<'a>(
    scope: &mut Scope<'_>,
    line: &'a Line,
    count: Spanned<usize>,
) -> Option<Columns<'a>> {
    let stages = selected(scope, line, count)?;
    match line.row.len() {
        0 | 1 => Some(stages.into_iter().map(|s| (s, &line.row[..])).collect()),
        n if n == stages.len() => Some(stages.into_iter().zip(line.row.chunks(1)).collect()),
        n => {
            let spoken = stages.len();
            let plural = if spoken == 1 { "" } else { "s" };
            let message = format!("{n} values for {spoken} stage{plural}");
            let mut diagnostic = Diagnostic::error("E0310", message)
                .at(line.row_span(), format!("{n} values"))
                .at(count.span, "declared here");
            let pool = line.keys[0].value == "pool" && line.selector.is_none();
            diagnostic = diagnostic.help(match pool {
                true => "the first stage has no pool: a row has one value fewer",
                false => "a row has one value for every stage it speaks of, or one for all",
            });
            scope.diags.push(diagnostic);
            None
        }
    }
}

fn selected(scope: &mut Scope<'_>, line: &Line, count: Spanned<usize>) -> Option<Vec<usize>> {
    let key = line.keys[0].value.as_str();
    let first = first_stage(key);
    let Some(selector) = &line.selector else {
        return Some((first..=count.value).collect());
    };
    let Selector::Stages(ranges) = &selector.value else {
        scope.diags.push(
            Diagnostic::error("E0313", "`@each` belongs to a search")
                .at(selector.span, "here")
                .help("without a selector a value holds for every stage")
                .fix(behind_at(selector.span), ""),
        );
        return None;
    };
    let mut stages = BTreeSet::new();
    for &(low, high) in ranges {
        if low < first || high > count.value || low > high {
            let diagnostic = if low < first && key == "pool" && low > 0 {
                Diagnostic::error("E0311", "the first stage has no pool")
                    .at(selector.span, "a pool leads into its stage")
            } else {
                let missing = if high > count.value { high } else { low };
                let diagnostic = Diagnostic::error("E0311", format!("there is no stage {missing}"));
                if low == 0 {
                    diagnostic.at(selector.span, "stages are counted from 1")
                } else if low > high {
                    Diagnostic::error("E0311", "these stages run backwards")
                        .at(selector.span, "the lower number comes first")
                        .help(format!("write `@{high}..{low}`"))
                        .fix(selector.span, format!("{high}..{low}"))
                } else {
                    diagnostic
                        .at(selector.span, "no such stage")
                        .at(count.span, format!("{} declared here", count.value))
                        .help(format!(
                            "to add one, write `stages {}` and give every row one value more",
                            count.value + 1
                        ))
                }
            };
            scope.diags.push(diagnostic);
            return None;
        }
        stages.extend(low..=high);
    }
    Some(stages.into_iter().collect())
}
