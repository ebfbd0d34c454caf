//! Coordinates are the one value that neither images nor parameters decide. A convolution that reads
//! them takes them from the place of a pixel instead of a map that every image would hold again:
//! coordinates, conv → `coord_conv`. Values and gradients are the same, bit for bit.

use crate::graph::ops::{Conv, CoordConv};
use crate::graph::{Edit, Graph, Op, Value};
use smallvec::smallvec;

pub fn coordinates(graph: &Graph) -> Graph {
    let mut edit = Edit::new(graph);
    for value in graph.values() {
        match over_coordinates(graph, value) {
            Some((conv, map)) => {
                let node = graph.node(value);
                let inputs = smallvec![edit.now(map)];
                let (params, scope) = (node.params.clone(), node.scope.clone());
                let conv = CoordConv(conv.clone());
                let known = edit.push(conv, inputs, params, scope, graph.span(value));
                edit.replace(value, known);
            }
            None => {
                edit.copy(value);
            }
        }
    }
    edit.finish()
}

/// A convolution that reads coordinates, and the map they were appended to.
fn over_coordinates(graph: &Graph, value: Value) -> Option<(&Conv, Value)> {
    let node = graph.node(value);
    let Op::Conv(conv) = &node.op else { return None };
    let source = graph.node(node.inputs[0]);
    matches!(source.op, Op::Coordinates(_)).then(|| (conv, source.inputs[0]))
}
