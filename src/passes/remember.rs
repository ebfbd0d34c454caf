//! Keeps the hidden maps of wide perceptrons for the backward pass, where to compute them again would
//! take longer than to write them to memory and to read them back.

use crate::graph::ops::{Ffn, Gradient, Part};
use crate::graph::{Edit, Few, Graph, Node, Op, ParamId, Value};
use smallvec::smallvec;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Input channels up to which a hidden map is computed again: a core does about as many
/// multiply-accumulates while a number is written to memory and read back. (Linear layers are computed
/// again up to somewhat fewer, as what lies before them is then computed again too.)
const NARROW: usize = 80;

pub fn remember(graph: &Graph) -> Graph {
    let gradients = graph.nodes.iter().filter(|node| matches!(node.op, Op::Gradient(_)));
    let trained: HashSet<ParamId> =
        gradients.flat_map(|node| node.params.iter().copied()).collect();
    let mut edit = Edit::new(graph);
    // The hidden maps kept, by the first parameter of their perceptrons, which their gradients have
    // too.
    let mut kept: HashMap<ParamId, Value> = HashMap::new();
    for value in graph.values() {
        let node = graph.node(value);
        match &node.op {
            Op::Ffn(op) if wide(graph, node, op) && trained.contains(&node.params[0]) => {
                let hidden = keep(&mut edit, graph, value, op);
                kept.insert(node.params[0], hidden);
            }
            Op::Gradient(op) => {
                let hidden = node.params.first().and_then(|first| kept.get(first));
                read(&mut edit, graph, value, op, hidden.copied());
            }
            _ => {
                edit.copy(value);
            }
        }
    }
    edit.finish()
}

/// Whether what a perceptron would compute again is a product of many numbers for every number. One
/// without a convolution never holds its hidden map before GELU.
fn wide(graph: &Graph, node: &Node, op: &Ffn) -> bool {
    let channels = graph.node(node.inputs[0]).ty.channels();
    op.kernel.is_some() && channels.is_some_and(|channels| channels > NARROW)
}

/// A perceptron that keeps its hidden map: the map.
fn keep(edit: &mut Edit<'_>, graph: &Graph, value: Value, op: &Ffn) -> Value {
    let (node, span) = (graph.node(value), graph.span(value));
    let op = Ffn { keeps: true, ..op.clone() };
    let inputs = edit.inputs(value);
    let both = edit.push(op, inputs, node.params.clone(), node.scope.clone(), span);
    let [result, hidden] = [(0, ".result"), (Ffn::HIDDEN, ".hidden")].map(|(index, name)| {
        let scope = [&node.scope, name].concat().into();
        edit.push(Part { index }, smallvec![both], Few::new(), scope, span)
    });
    edit.replace(value, result);
    hidden
}

/// A gradient, which reads a hidden map if one was kept.
fn read(edit: &mut Edit<'_>, graph: &Graph, value: Value, op: &Gradient, hidden: Option<Value>) {
    let (Some(hidden), Op::Ffn(of)) = (hidden, &*op.of) else {
        edit.copy(value);
        return;
    };
    let of = Arc::new(Ffn { keeps: true, ..of.clone() }.into());
    let mut inputs = edit.inputs(value);
    inputs.insert(1, hidden);
    let (node, span) = (graph.node(value), graph.span(value));
    let op = Gradient { of, ..op.clone() };
    let reading = edit.push(op, inputs, node.params.clone(), node.scope.clone(), span);
    edit.replace(value, reading);
}
