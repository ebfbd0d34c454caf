//! What changes over the steps: `curves.svg`, and how clusters are used.

use super::Record;
use super::chart::{Axis, Line, chart, keyed};

/// Three panels under each other.
pub fn curves(records: &[Record]) -> String {
    let of = |kind: &str, value: &dyn Fn(&Record) -> Option<f64>| -> Vec<(f64, f64)> {
        let chosen = records.iter().filter(|r| r.kind == kind);
        chosen.filter_map(|r| Some((r.step as f64, value(r)?))).collect()
    };
    let line = |name, color, points| Line { name, color, points };
    let panels = [
        (
            "loss",
            vec![
                line("training", "#4477aa", of("train", &|r| Some(r.loss))),
                line("test", "#cc6677", of("eval", &|r| Some(r.loss))),
            ],
        ),
        (
            "top-1 (%)",
            vec![
                line("training", "#4477aa", of("train", &|r| Some(100.0 * r.top1))),
                line("test", "#cc6677", of("eval", &|r| Some(100.0 * r.top1))),
            ],
        ),
        ("learning rate", vec![line("", "#228833", of("train", &|r| r.lr))]),
    ];
    let last = records.iter().map(|r| r.step).max().unwrap_or(1).max(1) as f64;
    chart(&panels, Axis::Steps(last))
}

/// Lines in turn, where there are many.
const COLORS: [&str; 8] =
    ["#4477aa", "#cc6677", "#228833", "#aa8800", "#3399bb", "#aa3377", "#777777", "#996633"];

/// What part of the centers is in use and how evenly, at every evaluation, a line for every block that
/// assigns; none where no clusters were watched.
pub fn clusters(records: &[Record]) -> Option<String> {
    let watched: Vec<&Record> = records.iter().filter(|r| !r.clusters.is_empty()).collect();
    let last = watched.last()?.step.max(1) as f64;
    let names = watched.iter().flat_map(|r| r.clusters.keys());
    let mut parts: Vec<&str> = names.filter_map(|name| name.strip_suffix(".entropy")).collect();
    parts.sort_unstable();
    parts.dedup();
    let color = |at: usize| COLORS[at % COLORS.len()];
    let lines = |what: &str| -> Vec<Line<'_>> {
        let line = |(at, part): (usize, &&str)| {
            let name = format!("{part}.{what}");
            let value = |r: &&Record| Some((r.step as f64, *r.clusters.get(&name)?));
            Line { name: "", color: color(at), points: watched.iter().filter_map(value).collect() }
        };
        parts.iter().enumerate().map(line).collect()
    };
    let panels = [
        ("occupancy: the part of the centers that has positions", lines("occupancy")),
        ("entropy: 1 where clusters are of one size", lines("entropy")),
    ];
    let key: Vec<(&str, &str)> =
        parts.iter().enumerate().map(|(at, part)| (*part, color(at))).collect();
    Some(keyed(&panels, Axis::Steps(last), &key))
}
