//! Where gradients of one value are summed, the last of them is added to the others by the node that
//! computes it, where the op can do that: a map less is written and read.

use crate::graph::{Edit, Graph, Op, Value};

pub fn accumulate(graph: &Graph) -> Graph {
    let mut readers = vec![0; graph.nodes.len()];
    for input in graph.nodes.iter().flat_map(|node| &node.inputs) {
        readers[input.0 as usize] += 1;
    }
    // For every gradient that is added to another: the sum, and the other.
    let mut onto: Vec<Option<(Value, Value)>> = vec![None; graph.nodes.len()];
    let mut gone = vec![false; graph.nodes.len()];
    for sum in graph.values() {
        let node = graph.node(sum);
        let (Op::Add(_), [a, b]) = (&node.op, &node.inputs[..]) else { continue };
        let (before, last) = (*a.min(b), *a.max(b));
        let able = matches!(&graph.node(last).op, Op::Gradient(op) if op.of.accumulates());
        if able && before != last && readers[last.0 as usize] == 1 {
            onto[last.0 as usize] = Some((sum, before));
            gone[sum.0 as usize] = true;
        }
    }
    let mut edit = Edit::new(graph);
    for value in graph.values().filter(|value| !gone[value.0 as usize]) {
        let node = graph.node(value);
        let (Some((sum, before)), Op::Gradient(op)) = (onto[value.0 as usize], &node.op) else {
            edit.copy(value);
            continue;
        };
        let mut op = op.clone();
        op.onto = true;
        let inputs = node.inputs.iter().chain([&before]).map(|&input| edit.now(input)).collect();
        let scope = node.scope.clone();
        let added = edit.push(op, inputs, node.params.clone(), scope, graph.span(value));
        edit.replace(sum, added);
    }
    edit.finish()
}
