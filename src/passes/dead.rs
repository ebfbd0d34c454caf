//! Takes out nodes whose results nothing needs. Gradients with parameters and the update are needed
//! for what they do.

use super::Keep;
use crate::graph::{Edit, Graph, Op};

pub fn dead(graph: Graph, keep: Keep) -> Graph {
    let mut needed = vec![false; graph.nodes.len()];
    for value in keep.values(&graph) {
        needed[value.0 as usize] = true;
    }
    for (index, node) in graph.nodes.iter().enumerate().rev() {
        let acts = match node.op {
            Op::Gradient(_) => !node.params.is_empty(),
            Op::Update(_) | Op::Input(_) => true,
            _ => false,
        };
        needed[index] |= acts;
        if needed[index] {
            node.inputs.iter().for_each(|input| needed[input.0 as usize] = true);
        }
    }
    if needed.iter().all(|&needed| needed) {
        return graph;
    }
    let mut edit = Edit::new(&graph);
    for value in graph.values().filter(|value| needed[value.0 as usize]) {
        edit.copy(value);
    }
    edit.finish()
}
