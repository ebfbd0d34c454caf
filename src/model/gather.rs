//! One report where several stages, or several models, run into the same text.

use crate::diag::number::plural;
use crate::diag::{Diagnostic, Help, Span, list};
use std::collections::HashMap;

/// What the stages of a model found. `all` are its stages.
pub fn by_stage(found: Vec<(Option<usize>, Diagnostic)>, all: &[usize]) -> Vec<Diagnostic> {
    let merge = |group: Vec<(Option<usize>, Diagnostic)>| {
        let stages: Vec<usize> = group.iter().filter_map(|(stage, _)| *stage).collect();
        let same = group.iter().all(|(_, d)| d.message == group[0].1.message);
        let mut first = group[0].1.clone();
        if !same {
            first.help = helps(&group, |stage| Some(named(&[(*stage)?])));
        }
        if stages.is_empty() || (same && stages == all) {
            return first;
        }
        first.message = match same {
            true => format!("{}: {}", named(&stages), first.message),
            false => format!(
                "{}: {}; likewise {}",
                named(&stages[..1]),
                first.message,
                named(&stages[1..])
            ),
        };
        first
    };
    groups(found).into_iter().map(merge).collect()
}

/// What the models of a file found, each with the model's name.
pub fn by_model(found: Vec<(String, Diagnostic)>) -> Vec<Diagnostic> {
    let merge = |group: Vec<(String, Diagnostic)>| {
        let mut first = group[0].1.clone();
        if group.iter().any(|(_, d)| d.message != first.message) {
            first.help = helps(&group, |model| Some(format!("`{model}`")));
            let others: Vec<String> =
                group[1..].iter().map(|(model, _)| format!("`{model}`")).collect();
            let others: Vec<&str> = others.iter().map(String::as_str).collect();
            first.message = format!("{}; likewise in {}", first.message, list(&others, "and"));
        }
        first
    };
    groups(found).into_iter().map(merge).collect()
}

/// `stage 2`, `stages 2, 3 and 4`.
pub fn named(stages: &[usize]) -> String {
    let words: Vec<String> = stages.iter().map(usize::to_string).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    format!("{} {}", plural(stages.len() as f64, "stage"), list(&words, "and"))
}

/// What helps all, or a line for each of them.
fn helps<P>(group: &[(P, Diagnostic)], name: impl Fn(&P) -> Option<String>) -> Option<Help> {
    let first = &group[0].1.help;
    if group.iter().all(|(_, d)| d.help == *first) {
        return first.clone();
    }
    let line = |(place, d): &(P, Diagnostic)| {
        Some(Help::from(format!("{}: ", name(place)?)).then(d.help.clone()?))
    };
    group.iter().filter_map(line).reduce(|all, line| all.words("\n").then(line))
}

/// Those of one code at the same places, in the order of the first of each.
fn groups<P>(found: Vec<(P, Diagnostic)>) -> Vec<Vec<(P, Diagnostic)>> {
    let mut groups: Vec<Vec<(P, Diagnostic)>> = Vec::new();
    let mut places: HashMap<(&str, Vec<Span>), usize> = HashMap::new();
    for (place, diagnostic) in found {
        let spans: Vec<Span> = diagnostic.labels.iter().map(|label| label.span).collect();
        let fresh = groups.len();
        let at = match spans.is_empty() {
            true => fresh,
            false => *places.entry((diagnostic.code, spans)).or_insert(fresh),
        };
        match groups.get_mut(at) {
            Some(group) => group.push((place, diagnostic)),
            None => groups.push(vec![(place, diagnostic)]),
        }
    }
    groups
}
