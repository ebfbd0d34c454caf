//! Computes again, just before the first gradient that reads it, what is cheap and would otherwise
//! be kept from the forward pass: a value whose inputs are kept anyway, or are computed again.

use crate::graph::{Edit, Graph, Op, Value};
use std::collections::HashMap;

/// Multiply-accumulates of a number that is computed again, at most (of a linear layer, its input
/// channels): to write it to memory and to read it back takes as long as about 80 of them.
const FEW: u64 = 64;

pub fn recompute(graph: &Graph) -> Graph {
    let mut read_late = vec![false; graph.nodes.len()];
    for value in graph.values().filter(|&value| backward(graph, value)) {
        for input in &graph.node(value).inputs {
            read_late[input.0 as usize] = true;
        }
    }
    let mut edit = Edit::new(graph);
    let mut again = Again { graph, read_late, copies: HashMap::new() };
    for value in graph.values() {
        if !backward(graph, value) {
            edit.copy(value);
            continue;
        }
        let node = graph.node(value);
        let inputs = node.inputs.iter().map(|&input| again.value(&mut edit, input)).collect();
        edit.copy_reading(value, inputs);
    }
    edit.finish()
}

fn backward(graph: &Graph, value: Value) -> bool {
    matches!(graph.node(value).op, Op::Gradient(_))
}

struct Again<'a> {
    graph: &'a Graph,
    /// Whether a gradient reads it.
    read_late: Vec<bool>,
    copies: HashMap<Value, Value>,
}

impl Again<'_> {
    /// What a gradient reads of a value: itself, or what is computed again in its place.
    fn value(&mut self, edit: &mut Edit<'_>, value: Value) -> Value {
        if !self.cheap(value) {
            return edit.now(value);
        }
        if let Some(&copy) = self.copies.get(&value) {
            return copy;
        }
        let source = self.graph.node(value);
        let inputs = source.inputs.iter().map(|&input| self.value(edit, input)).collect();
        let scope = [&source.scope, ".again"].concat().into();
        let (op, params) = (source.op.clone(), source.params.clone());
        let copy = edit.push(op, inputs, params, scope, self.graph.span(value));
        self.copies.insert(value, copy);
        copy
    }

    fn cheap(&self, value: Value) -> bool {
        let node = self.graph.node(value);
        let late = |value: &Value| self.read_late[value.0 as usize];
        let few = || {
            let macs = self.graph.node_cost(value.0 as usize).macs;
            macs <= FEW.saturating_mul(node.ty.elements())
        };
        late(&value) && node.inputs.iter().all(late) && node.op.cheap() && few()
    }
}
