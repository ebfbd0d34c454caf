//! Quantities of a table: where their values come from, and how they are written.

use crate::cli::number;
use crate::graph::Graph;
use crate::model::Quantity;
use crate::plan::Plan;

/// Before any training; none if only training can tell.
pub fn counted(quantity: Quantity, graph: &Graph) -> Option<f64> {
    let value = match quantity {
        Quantity::Params => graph.param_count(),
        Quantity::Macs => graph.cost().macs,
        Quantity::Ptflops => graph.cost().ptflops,
        Quantity::Memory => Plan::training(graph).bytes_per_image(),
        Quantity::Loss | Quantity::Top1 | Quantity::Top3 | Quantity::Fps => return None,
    };
    Some(value as f64)
}

/// Training alone can tell it.
pub fn is_measured(quantity: Quantity) -> bool {
    matches!(quantity, Quantity::Loss | Quantity::Top1 | Quantity::Top3 | Quantity::Fps)
}

/// At the head of a column.
pub fn title(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Params => "params",
        Quantity::Macs => "MACs",
        Quantity::Ptflops => "ptflops",
        Quantity::Memory => "training/image",
        Quantity::Loss => "loss",
        Quantity::Top1 => "top-1 (%)",
        Quantity::Top3 => "top-3 (%)",
        Quantity::Fps => "images/s",
    }
}

/// As people read it.
pub fn written(quantity: Quantity, value: f64) -> String {
    match quantity {
        Quantity::Params => number::grouped(value as u64),
        Quantity::Macs | Quantity::Ptflops => number::short(value as u64),
        Quantity::Memory => number::bytes(value as u64),
        Quantity::Loss => format!("{value:.4}"),
        Quantity::Top1 | Quantity::Top3 => format!("{:.2}", 100.0 * value),
        Quantity::Fps => format!("{value:.0}"),
    }
}

/// How far a value is from another, with its sign; empty if it is not.
pub fn difference(quantity: Quantity, value: f64, from: f64) -> String {
    let by = (value - from).abs();
    if by == 0.0 {
        return String::new();
    }
    let sign = if value > from { "+" } else { "-" };
    format!("{sign}{}", written(quantity, by))
}
