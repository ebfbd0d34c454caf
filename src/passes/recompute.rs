//! Computes again, just before the first gradient that reads it, what is cheap and would otherwise
//! be kept from the forward pass: a value whose inputs are kept anyway.

use crate::graph::{Edit, Graph, Op, Value};
use std::collections::HashMap;

pub fn recompute(graph: &Graph) -> Graph {
    let backward = |v: Value| matches!(graph.node(v).op, Op::Gradient(_));
    let mut read_late = vec![false; graph.nodes.len()];
    for value in graph.values().filter(|&value| backward(value)) {
        for input in &graph.node(value).inputs {
            read_late[input.0 as usize] = true;
        }
    }
    let again = |value: Value| {
        let node = graph.node(value);
        read_late[value.0 as usize]
            && node.op.cheap()
            && node.inputs.iter().all(|input| read_late[input.0 as usize])
    };
    let mut edit = Edit::new(graph);
    let mut copies: HashMap<Value, Value> = HashMap::new();
    for value in graph.values() {
        if !backward(value) {
            edit.copy(value);
            continue;
        }
        let node = graph.node(value);
        let inputs = node
            .inputs
            .iter()
            .map(|&input| match again(input) {
                false => edit.now(input),
                true => *copies.entry(input).or_insert_with(|| {
                    let source = graph.node(input);
                    let inputs = source.inputs.iter().map(|&v| edit.now(v)).collect();
                    let scope = format!("{}.again", source.scope);
                    let (op, params) = (source.op.clone(), source.params.clone());
                    edit.push(op, inputs, params, scope, graph.span(input))
                }),
            })
            .collect();
        let copy = edit.push(
            node.op.clone(),
            inputs,
            node.params.clone(),
            node.scope.clone(),
            graph.span(value),
        );
        edit.replace(value, copy);
    }
    edit.finish()
}
