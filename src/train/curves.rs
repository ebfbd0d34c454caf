//! `curves.svg`: loss, top-1 and learning rate over the steps.

use super::Record;
use super::chart::{Axis, Line, chart};

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
