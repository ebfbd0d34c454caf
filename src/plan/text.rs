//! The text form of a plan: the kernels in order, where their results lie, what they move.

use super::Plan;
use crate::graph::{Op, Value};
use std::fmt;

impl Plan {
    /// Bytes per image that a node reads and writes in `f32`, parameters not counted.
    pub fn bytes(&self, value: Value) -> u64 {
        let node = self.graph.node(value);
        let of = |v: Value| 4 * self.graph.node(v).ty.elements();
        match node.op {
            Op::Part(_) | Op::Input(_) | Op::Labels(_) => 0,
            _ => node.inputs.iter().map(|&v| of(v)).sum::<u64>() + of(value),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.head())?;
        self.graph
            .values()
            .filter_map(|value| self.line(value))
            .try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl Plan {
    /// What it is of, and the memory it takes.
    pub fn head(&self) -> String {
        format!("plan {} : {} bytes per image", self.graph.name, self.bytes_per_image())
    }

    /// A node: what it reads, where its results lie, in bytes, and what it costs. A part of another's
    /// result has none.
    pub fn line(&self, value: Value) -> Option<String> {
        let graph = &self.graph;
        let node = graph.node(value);
        let kernel = match &node.op {
            Op::Part(_) => return None,
            Op::Gradient(gradient) => format!("{}_gradient", gradient.of.name()),
            op => op.name().to_string(),
        };
        let inputs: Vec<String> =
            node.inputs.iter().map(|&v| format!("%{}", self.source(v))).collect();
        let inputs =
            if inputs.is_empty() { String::new() } else { format!(" {}", inputs.join(", ")) };
        let places: Vec<String> = self.places[value.0 as usize]
            .iter()
            .map(|place| format!("{}+{}", 4 * place.offset, 4 * place.len))
            .collect();
        let bytes = self.bytes(value) * self.precision.bytes() as u64 / 4;
        let macs = graph.node_cost(value.0 as usize).macs;
        Some(format!(
            "%{} = {kernel}{inputs} @ [{}]  {bytes} bytes, {macs} MACs  // {}",
            value.0,
            places.join(", "),
            node.scope
        ))
    }

    /// A value as text: a part is named by what it is a part of.
    fn source(&self, value: Value) -> String {
        let node = self.graph.node(value);
        match &node.op {
            Op::Part(part) => format!("{}.{}", node.inputs[0].0, part.index),
            _ => value.0.to_string(),
        }
    }
}
