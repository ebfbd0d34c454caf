//! Layers onto trees: one for the whole model, one for every stage. An upper layer always wins.

use super::assign::{Outcome, Scope, ordered};
use super::items::{Item, Items};
use super::layers::{Layer, Line};
use super::settings::{Stage, Whole, first_stage, is_per_stage};
use crate::diag::{Diagnostic, Diags, Sources, Span, Spanned, suggest};
use crate::schema::{Count, Setting, Tree, Value};
use crate::syntax::ast::{Literal, Selector};
use std::collections::BTreeSet;

/// What the layers together say.
#[derive(Debug)]
pub struct Merged {
    pub whole: Tree,
    /// One for every stage, those that are off too.
    pub stages: Vec<Tree>,
    /// Keys of settings that were said, but wrongly.
    pub failed: BTreeSet<String>,
}

impl Merged {
    /// The stage is left out (`blocks off`).
    pub fn is_off(&self, index: usize) -> bool {
        matches!(self.stages[index].fields.get("blocks"), Some(Spanned { value: Value::Off, .. }))
    }
}

/// More stages than any model has: rows are stored per stage.
const MAX_STAGES: usize = 64;

/// Lays the layers over each other, lowest first.
pub fn merge(
    sources: &Sources,
    items: &Items,
    item: &Item,
    layers: &[Layer],
    diags: &mut Diags,
) -> Merged {
    let count = stage_count(layers);
    let mut merged = Merged {
        whole: Tree::new(Whole::KIND, None),
        stages: vec![Tree::new(Stage::KIND, None); count.map_or(0, |c| c.value)],
        failed: BTreeSet::new(),
    };
    if let Some(first) = merged.stages.first_mut() {
        first.fields.insert("pool", Spanned::new(Value::Off, item.name.span));
    }
    for layer in layers {
        for line in ordered(&layer.lines) {
            let mut failed = BTreeSet::new();
            let mut scope = Scope { sources, items, home: layer.home, diags, failed: &mut failed };
            let outcomes = apply(&mut scope, &mut merged, count, line);
            let same = outcomes.iter().find_map(|o| match o {
                Outcome::Same(span) => Some(*span),
                _ => None,
            });
            let all_same = outcomes.iter().all(|o| matches!(o, Outcome::Same(_)));
            if let Some(before) = same.filter(|_| layer.strict && all_same) {
                scope.diags.push(changes_nothing(line, before));
            }
            merged.failed.extend(failed);
        }
    }
    merged
}

fn changes_nothing(line: &Line, before: Span) -> Diagnostic {
    Diagnostic::warning("W0301", "this line changes nothing")
        .at(line.span, "says what holds already")
        .at(before, "said here")
        .help("leave it out")
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
                    Some(Spanned::new(n as usize, line.span))
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
    if Whole::KIND.field(key).is_some() {
        if let Some(selector) = &line.selector {
            let message = format!("`{}` is said of the whole model", key.value);
            scope.diags.push(
                Diagnostic::error("E0312", message)
                    .at(selector.span, "selects stages")
                    .help("leave the selector out"),
            );
            return vec![Outcome::Failed];
        }
        if key.value == "stages" && count.is_none_or(|c| c.span != line.span) {
            check_count(scope, line);
        }
        return vec![scope.assign(&mut merged.whole, None, &line.keys, &line.row, line.span)];
    }
    if !is_per_stage(key) {
        return vec![unknown(scope, key)];
    }
    // Without a count nothing can be said of rows; that it is missing is reported once.
    let Some(count) = count else {
        scope.failed.insert(key.value.clone());
        return Vec::new();
    };
    let Some(columns) = columns(scope, line, count) else {
        scope.failed.insert(line.keys[line.keys.len() - 1].value.clone());
        return vec![Outcome::Failed];
    };
    columns
        .into_iter()
        .map(|(stage, row)| {
            scope.assign(&mut merged.stages[stage - 1], None, &line.keys, row, line.span)
        })
        .collect()
}

fn check_count(scope: &mut Scope<'_>, line: &Line) {
    if let [Spanned { value: Literal::Number(number), span }] = &line.row[..]
        && number.value > MAX_STAGES as f64
    {
        let message = format!("a model has at most {MAX_STAGES} stages");
        scope.diags.push(Diagnostic::error("E0314", message).at(*span, "too many"));
    }
}

fn unknown(scope: &mut Scope<'_>, key: &Spanned<String>) -> Outcome {
    let mut names = Whole::KIND.field_names();
    names.extend(Stage::KIND.field_names());
    let help = if key.value == "stage" {
        "a stage is a column, selected at the end of a path: `width@3 160`".to_string()
    } else {
        suggest(key, &names)
    };
    scope.diags.push(
        Diagnostic::error("E0301", format!("a model has no setting `{}`", key.value))
            .at(key.span, "unknown")
            .help(help),
    );
    Outcome::Failed
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
            if n > 1
                && let (Some(first), true) = (line.row.get(1), kind_like(line))
            {
                diagnostic = diagnostic.help(format!(
                    "if `{}` begins the next setting, start a line or write `;` before it",
                    word(&first.value)
                ));
            } else if line.keys[0].value == "pool" {
                diagnostic =
                    diagnostic.help("the first stage has no pool: a row has one value fewer");
            }
            scope.diags.push(diagnostic);
            None
        }
    }
}

fn kind_like(line: &Line) -> bool {
    line.row.iter().any(|l| matches!(&l.value, Literal::Name(n) if is_per_stage(n) || Whole::KIND.field(n).is_some()))
}

fn word(literal: &Literal) -> String {
    match literal {
        Literal::Name(name) => name.clone(),
        _ => "it".to_string(),
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
                .help("without a selector a value holds for every stage"),
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
                Diagnostic::error("E0311", format!("there is no stage {missing}"))
                    .at(selector.span, "stages are counted from 1")
                    .at(count.span, format!("{} declared here", count.value))
                    .help(format!(
                        "to add one, write `stages {}` and give every row one value more",
                        count.value + 1
                    ))
            };
            scope.diags.push(diagnostic);
            return None;
        }
        stages.extend(low..=high);
    }
    Some(stages.into_iter().collect())
}
