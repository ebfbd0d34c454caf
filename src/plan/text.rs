//! The text form of a plan: the kernels in order, where their results lie, what they move.

use super::Plan;
use crate::graph::{Op, Value};
use std::fmt;

impl Plan {
    /// Bytes per image that a node reads and writes, parameters not counted.
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
        let graph = &self.graph;
        writeln!(f, "plan {} : {} bytes per image", graph.name, self.bytes_per_image())?;
        for value in graph.values() {
            let node = graph.node(value);
            if let Op::Part(_) = node.op {
                continue;
            }
            let inputs: Vec<String> =
                node.inputs.iter().map(|&v| format!("%{}", self.source(v))).collect();
            let kernel = match &node.op {
                Op::Gradient(gradient) => format!("{}_gradient", gradient.of.name()),
                op => op.name().to_string(),
            };
            let places: Vec<String> = self.places[value.0 as usize]
                .iter()
                .map(|place| format!("{}+{}", 4 * place.offset, 4 * place.len))
                .collect();
            let cost = graph.node_cost(value.0 as usize);
            write!(f, "%{} = {kernel}", value.0)?;
            if !inputs.is_empty() {
                write!(f, " {}", inputs.join(", "))?;
            }
            write!(f, " @ [{}]", places.join(", "))?;
            write!(f, "  {} bytes, {} MACs", self.bytes(value), cost.macs)?;
            writeln!(f, "  // {}", node.scope)?;
        }
        Ok(())
    }
}

impl Plan {
    /// A value as text: a part is named by what it is a part of.
    fn source(&self, value: Value) -> String {
        let node = self.graph.node(value);
        match &node.op {
            Op::Part(part) => format!("{}.{}", node.inputs[0].0, part.index),
            _ => value.0.to_string(),
        }
    }
}
