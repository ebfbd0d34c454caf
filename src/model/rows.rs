//! Rows and selectors, measured against the number of stages.

use super::layers::{Layer, Line};
use super::settings::first_stage;
use crate::diag::number::many;
use crate::diag::{Diagnostic, Help, Span, Spanned, list};
use crate::schema::{Count, Setting, Tree, Value};
use crate::syntax::ast::{Literal, Selector};
use std::collections::BTreeSet;

/// More stages than any model has: rows are stored per stage.
pub const MAX_STAGES: usize = 64;

/// The valid `stages` of all layers, each with the layer that says it, lowest first.
pub struct Counts(Vec<(usize, Spanned<usize>)>);

impl Counts {
    pub fn of(layers: &[Layer]) -> Counts {
        let lines =
            layers.iter().enumerate().flat_map(|(at, l)| l.lines.iter().map(move |l| (at, l)));
        let stages = lines.filter(|(_, line)| line.path() == ["stages"]);
        let count = |(at, line): (usize, &Line)| {
            let literals: Vec<Literal> = line.row.iter().map(|l| l.value.clone()).collect();
            match Count::TY.parse(&literals) {
                Some(Value::Number(n)) if n as usize <= MAX_STAGES => {
                    Some((at, Spanned::new(n as usize, line.row_span())))
                }
                _ => None,
            }
        };
        Counts(stages.filter_map(count).collect())
    }

    /// How many stages there are at the end.
    pub fn last(&self) -> Option<Spanned<usize>> {
        self.0.last().map(|(_, count)| *count)
    }

    /// How many there are where a layer is laid; if none is said up to there, then with the next that
    /// says it.
    pub fn at(&self, layer: usize) -> Option<Spanned<usize>> {
        let below = self.0.iter().rev().find(|(at, _)| *at <= layer);
        below.or(self.0.first()).map(|(_, count)| *count)
    }
}

/// A stage, from 1, and what is said of it.
type Column<'a> = (usize, &'a [Spanned<Literal>]);

/// What a line says of which stages.
pub struct Columns<'a> {
    pub said: Vec<Column<'a>>,
    /// It is a row for another number of stages: a mistake where anything of it holds at the end.
    pub outgrown: bool,
}

/// Which of the `last` stages a line speaks of, and what it says of each. Where it was laid there were
/// its `own`.
pub fn columns<'a>(
    line: &'a Line,
    last: Spanned<usize>,
    own: Spanned<usize>,
) -> Result<Columns<'a>, Diagnostic> {
    if let Ok(said) = measured(line, last) {
        return Ok(Columns { said, outgrown: false });
    }
    let mut said = measured(line, own)?;
    said.retain(|(stage, _)| *stage <= last.value);
    // What is said of a stage goes with it.
    if line.selector.is_some() {
        return Ok(Columns { said, outgrown: false });
    }
    // What is said inside a kind still finds one, until the row is said anew.
    if let [.., Spanned { value: Literal::Name(_), .. }] = line.row[..] {
        let first = first_stage(&line.keys[0]);
        let next = said.last().map_or(first, |(stage, _)| stage + 1);
        said.extend((next..=last.value).map(|stage| (stage, &line.row[line.row.len() - 1..])));
    }
    Ok(Columns { said, outgrown: true })
}

fn measured(line: &Line, count: Spanned<usize>) -> Result<Vec<Column<'_>>, Diagnostic> {
    let stages = selected(line, count)?;
    match line.row.len() {
        0 | 1 => Ok(stages.into_iter().map(|s| (s, &line.row[..])).collect()),
        n if n == stages.len() => Ok(stages.into_iter().zip(line.row.chunks(1)).collect()),
        _ => {
            let label = format!("{} declared here", count.value);
            Err(misfit(line, stages.len(), count.span, &label).help(match of_pools(line) {
                true => "the first stage has no pool: a row has one value fewer",
                false => "a row has one value for every stage it speaks of, or one for all",
            }))
        }
    }
}

/// A row with one value for every pool there is.
fn of_pools(line: &Line) -> bool {
    line.selector.is_none() && first_stage(&line.keys[0]) > 1
}

fn misfit(line: &Line, stages: usize, declared: Span, label: &str) -> Diagnostic {
    let of = if of_pools(line) { "pool" } else { "stage" };
    let n = line.row.len();
    Diagnostic::error("E0310", format!("{n} values for {}", many(stages as u64, of)))
        .at(line.row_span(), many(n as u64, "value"))
        .at(declared, label)
}

fn selected(line: &Line, count: Spanned<usize>) -> Result<Vec<usize>, Diagnostic> {
    let key = line.keys[0].value.as_str();
    let first = first_stage(key);
    let Some(selector) = &line.selector else {
        return Ok((first..=count.value).collect());
    };
    let Selector::Stages(ranges) = &selector.value else {
        return Err(Diagnostic::error("E0313", "`@each` does not select stages")
            .at(selector.span, "here")
            .help("without a selector a value holds for every stage")
            .fix(with_at(selector.span), ""));
    };
    let mut stages = BTreeSet::new();
    for &(low, high) in ranges {
        if low < first || high > count.value || low > high {
            return Err(no_stage(key, selector.span, (low, high), count));
        }
        stages.extend(low..=high);
    }
    Ok(stages.into_iter().collect())
}

/// A selector with its `@`.
pub fn with_at(selector: Span) -> Span {
    Span { start: selector.start - 1, ..selector }
}

fn no_stage(
    key: &str,
    selector: Span,
    (low, high): (usize, usize),
    count: Spanned<usize>,
) -> Diagnostic {
    if low > 0 && low < first_stage(key) {
        return Diagnostic::error("E0311", "the first stage has no pool")
            .at(selector, "a pool leads into its stage");
    }
    let missing = if high > count.value { high } else { low };
    let diagnostic = Diagnostic::error("E0311", format!("there is no stage {missing}"));
    if low == 0 {
        return diagnostic.at(selector, "stages are counted from 1");
    }
    if low > high {
        return Diagnostic::error("E0311", "these stages run backwards")
            .at(selector, "the lower number comes first")
            .help(format!("write `@{high}..{low}`"))
            .fix(selector, format!("{high}..{low}"));
    }
    diagnostic
        .at(selector, "no such stage")
        .at(count.span, format!("{} declared here", count.value))
        .help(
            Help::from("to add one, write ")
                .setting("stages", (count.value + 1).to_string())
                .words(" and give every row one value more"),
        )
}

/// Rows for another number of stages than there is at the end.
#[derive(Default)]
pub struct Outgrown(Vec<Row>);

struct Row {
    line: Line,
    own: Spanned<usize>,
}

impl Outgrown {
    pub fn push(&mut self, line: &Line, own: Spanned<usize>) {
        self.0.push(Row { line: line.clone(), own });
    }

    /// Whether a value is one of such a row: whoever says it anew repeats nothing.
    pub fn says(&self, value: Span) -> bool {
        self.0.iter().any(|row| row.says(value))
    }

    /// Whoever said the setting `path`, or what it stands in, anew did so wrongly, which has been
    /// reported.
    pub fn answered(&mut self, path: &[&str]) {
        self.0.retain(|row| !row.line.path().starts_with(path));
    }

    /// The same of a setting `key` whose name, or place, was wrong.
    pub fn answered_key(&mut self, key: &str) {
        self.0.retain(|row| row.line.path().last() != Some(&key));
    }

    /// The keys that those speak of which hold in the stages there are, and one mistake for all that
    /// were written for one number of stages.
    pub fn hold(&self, stages: &[Tree], last: Spanned<usize>) -> (Vec<String>, Vec<Diagnostic>) {
        let held = self.0.iter().filter(|row| stages.iter().any(|stage| row.is_in(stage)));
        let mut all: Vec<Vec<&Row>> = Vec::new();
        for row in held {
            match all.iter_mut().find(|rows| rows[0].own.value == row.own.value) {
                Some(rows) => rows.push(row),
                None => all.push(vec![row]),
            }
        }
        let key = |row: &&Row| row.line.keys.last().map(|key| key.value.clone());
        let keys = all.iter().flatten().filter_map(key).collect();
        (keys, all.iter().map(|rows| told(rows, last)).collect())
    }
}

/// Rows that were written for another number of stages.
fn told(rows: &[&Row], last: Spanned<usize>) -> Diagnostic {
    let paths: Vec<String> =
        rows.iter().map(|row| format!("`{}`", row.line.path().join("."))).collect();
    let paths = list(&paths.iter().map(String::as_str).collect::<Vec<_>>(), "and");
    let declared = format!("{} declared here", last.value);
    let spoken = last.value + 1 - first_stage(&rows[0].line.keys[0]);
    let written = many(rows[0].own.value as u64, "stage");
    let (told, were, them) = match rows {
        [row] => (misfit(&row.line, spoken, last.span, &declared), "it was", paths.as_str()),
        _ => {
            let message = format!("{paths} are rows for {written}, and there are {}", last.value);
            let values =
                |row: &&Row| (row.line.row_span(), many(row.line.row.len() as u64, "value"));
            let told = Diagnostic::error("E0310", message);
            let told = rows.iter().map(values).fold(told, |told, (at, label)| told.at(at, label));
            (told.at(last.span, declared), "they were", "them")
        }
    };
    let help = format!("{were} written for {written}: say {them} anew beside ");
    told.help(Help::from(help).setting("stages", last.value.to_string()))
}

impl Row {
    fn says(&self, value: Span) -> bool {
        let row = self.line.row_span();
        row.source == value.source && row.start <= value.start && value.end <= row.end
    }

    fn is_in(&self, tree: &Tree) -> bool {
        tree.fields.values().any(|said| {
            self.says(said.span) || matches!(&said.value, Value::Tree(inside) if self.is_in(inside))
        })
    }
}
