//! The parts of a model: what of its graph stands under one name, and what it costs.

use super::Plan;
use crate::graph::cost::Cost;
use crate::graph::{Graph, Type};

/// A part of a model: its embedding, a stage, a block.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// `embed`, `stage2`, `stage2.block1`.
    pub name: String,
    /// What its last node gives.
    pub output: Type,
    /// Scalars in its parameters.
    pub params: u64,
    pub cost: Cost,
    /// Bytes per image that training keeps of it for the backward pass; of the whole model, the most
    /// that is held at once.
    pub train_bytes: u64,
}

impl Part {
    /// The whole model as one part, `total`; `training` is the plan of its training step.
    pub fn whole(graph: &Graph, training: &Plan) -> Part {
        Part {
            name: "total".to_string(),
            output: graph.node(graph.output).ty.clone(),
            params: graph.param_count(),
            cost: graph.cost(),
            train_bytes: training.bytes_per_image(),
        }
    }
}

/// The parts named by the first `depth` of the names around each node, in the order of the graph;
/// `training` is the plan of its training step.
pub fn parts(graph: &Graph, training: &Plan, depth: usize) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        let name = part_of(&node.scope, depth);
        let found = parts.iter().position(|part| part.name == name);
        let at = found.unwrap_or_else(|| {
            parts.push(Part {
                name: name.to_string(),
                output: Type::Unknown,
                params: 0,
                cost: Cost::default(),
                train_bytes: 0,
            });
            parts.len() - 1
        });
        let part = &mut parts[at];
        part.output = node.ty.clone();
        part.params += node.params.iter().map(|&id| graph.param(id).elements() as u64).sum::<u64>();
        part.cost = part.cost + graph.node_cost(index);
    }
    for (node, bytes) in training.graph.nodes.iter().zip(&training.kept) {
        let name = part_of(&node.scope, depth);
        if let Some(part) = parts.iter_mut().find(|part| part.name == name) {
            part.train_bytes += bytes;
        }
    }
    parts
}

impl Plan {
    /// The most that is held at once while a part runs, in bytes per image: what it works on and what
    /// others left for later.
    pub fn peak(&self, part: &str) -> u64 {
        let inside = |scope: &str| {
            scope.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let nodes = self.graph.nodes.iter().zip(&self.live);
        nodes.filter(|(node, _)| inside(&node.scope)).map(|(_, &live)| live).max().unwrap_or(0)
    }
}

/// `stage2.block1` of `stage2.block1.mixer.key` at depth 2; a node with no names around it is a part
/// by itself.
pub(super) fn part_of(scope: &str, depth: usize) -> &str {
    let ends = scope.match_indices('.').map(|(at, _)| at);
    &scope[..ends.take(depth.max(1)).last().unwrap_or(scope.len())]
}
