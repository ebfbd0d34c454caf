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
        let mut turn = usize::MAX;
        for stretch in &self.stretches {
            if stretch.images != turn {
                turn = stretch.images;
                writeln!(f, "{}", together(turn))?;
            }
            let lines = stretch.nodes.clone().filter_map(|index| self.line(Value(index as u32)));
            lines.into_iter().try_for_each(|line| writeln!(f, "{line}"))?;
        }
        Ok(())
    }
}

/// How images of a group take turns at what follows.
fn together(images: usize) -> String {
    match images {
        1 => "-- image by image".to_string(),
        usize::MAX => "-- all images of a group".to_string(),
        images => format!("-- {images} images at a time"),
    }
}

impl Plan {
    /// What it is of, and the memory it takes.
    pub fn head(&self) -> String {
        format!("plan {} : {} bytes per image", self.graph.name, self.bytes_per_image())
    }

    /// A node: what it reads, where its results lie, in bytes, and what it costs, of parameters once for
    /// all images. A part of another's result has none.
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
        let parameters = match self.parameter_bytes(value) {
            0 => String::new(),
            parameters => format!(" + {parameters} of parameters"),
        };
        let macs = graph.node_cost(value.0 as usize).macs;
        Some(format!(
            "%{} = {kernel}{inputs} @ [{}]  {bytes} bytes{parameters}, {macs} MACs  // {}",
            value.0,
            places.join(", "),
            node.scope
        ))
    }

    /// Bytes of parameters, of their gradients and of what is kept of them that a node reads and writes,
    /// in `f32`.
    fn parameter_bytes(&self, value: Value) -> u64 {
        let node = self.graph.node(value);
        let own = node.params.iter().map(|&id| self.graph.param(id).elements() as u64).sum::<u64>();
        4 * match &node.op {
            // Its gradient is added to.
            Op::Gradient(_) => 3 * own,
            Op::Update(update) => {
                let moved = 1 + update.rule.kept().len() + usize::from(update.average.is_some());
                self.graph.param_count() * (2 * moved as u64 + 1)
            }
            _ => own,
        }
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
