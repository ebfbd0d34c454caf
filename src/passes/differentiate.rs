//! From a model to a training step: the loss, then the gradients from the last node to the first,
//! then the update of the parameters.

use super::Method;
use crate::graph::ops::{Add, Flow, Gradient, Labels, Part};
use crate::graph::{Edit, Few, Graph, Node, Value};
use smallvec::smallvec;
use std::sync::Arc;

/// Whether a gradient of the logits reaches each value, and a parameter at or before it wants one:
/// the values whose gradients a training step computes.
pub fn reached(graph: &Graph) -> Vec<bool> {
    let mut wants = vec![false; graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate() {
        let inputs = node.inputs.iter().enumerate();
        let through = |(i, v): (usize, &Value)| passes(node, i) && wants[v.0 as usize];
        wants[index] = !node.params.is_empty() || inputs.into_iter().any(through);
    }
    let mut gets = vec![false; graph.nodes.len()];
    gets[graph.output.0 as usize] = true;
    for (index, node) in graph.nodes.iter().enumerate().rev() {
        for (i, input) in node.inputs.iter().enumerate() {
            gets[input.0 as usize] |= gets[index] && passes(node, i);
        }
    }
    wants.iter().zip(gets).map(|(wants, gets)| *wants && gets).collect()
}

/// Whether each parameter receives a gradient. One that does not stays as it begins.
pub fn learns(graph: &Graph) -> Vec<bool> {
    let mut learns = vec![false; graph.params.len()];
    for (node, _) in graph.nodes.iter().zip(reached(graph)).filter(|(_, reached)| *reached) {
        node.params.iter().for_each(|id| learns[id.0 as usize] = true);
    }
    learns
}

fn passes(node: &Node, input: usize) -> bool {
    !matches!(node.op.flow(input), Flow::Blocked(_))
}

pub fn differentiate(graph: &Graph, method: Method) -> Graph {
    let mut edit = Edit::extend(graph);
    let logits = edit.now(graph.output);
    let labels = edit.push(Labels, Few::new(), Few::new(), "labels".into(), None);
    let loss = edit.push(method.loss, smallvec![logits, labels], Few::new(), "loss".into(), None);
    edit.set_loss(loss);
    let types = [&edit.graph().node(logits).ty, &edit.graph().node(labels).ty];
    let start = Gradient {
        of: Arc::new(method.loss.into()),
        inputs: types.map(Clone::clone).into(),
        wants: smallvec![true, false],
        onto: false,
    };
    let start =
        edit.push(start, smallvec![logits, labels], Few::new(), "loss.gradient".into(), None);

    let reached = reached(graph);
    // The gradient of every value so far, and from how many places it came.
    let mut gradients: Vec<Option<Value>> = vec![None; graph.nodes.len()];
    let mut sums = 0;
    gradients[graph.output.0 as usize] = Some(start);
    for value in graph.values().collect::<Vec<_>>().into_iter().rev() {
        let Some(gradient) = gradients[value.0 as usize].filter(|_| reached[value.0 as usize])
        else {
            continue;
        };
        for (input, part) in backward(&mut edit, graph, value, gradient, &reached) {
            let slot = &mut gradients[input.0 as usize];
            *slot = Some(match *slot {
                None => part,
                Some(before) => {
                    sums += 1;
                    let scope = format!("{}.sum{sums}", graph.node(input).scope).into();
                    let span = graph.span(input);
                    edit.push(Add, smallvec![before, part], Few::new(), scope, span)
                }
            });
        }
    }
    edit.push(method.update, Few::new(), Few::new(), "update".into(), None);
    edit.finish()
}

/// The gradients that one node sends to its inputs.
fn backward(
    edit: &mut Edit<'_>,
    graph: &Graph,
    value: Value,
    gradient: Value,
    reached: &[bool],
) -> Few<(Value, Value)> {
    let node = graph.node(value);
    let mut sent = Few::new();
    let mut wants: Few<bool> = smallvec![false; node.inputs.len()];
    for (i, input) in node.inputs.iter().enumerate().filter(|(_, v)| reached[v.0 as usize]) {
        match node.op.flow(i) {
            Flow::Through => wants[i] = true,
            Flow::Unchanged => sent.push((*input, gradient)),
            Flow::Blocked(_) => {}
        }
    }
    let wanted: Few<Value> =
        node.inputs.iter().zip(&wants).filter(|(_, want)| **want).map(|(v, _)| *v).collect();
    if wanted.is_empty() && node.params.is_empty() {
        return sent;
    }
    let reads = node.op.reads();
    let mut inputs: Few<Value> =
        node.inputs.iter().take(reads.inputs).map(|&input| edit.now(input)).collect();
    inputs.extend(reads.result.then(|| edit.now(value)));
    inputs.push(gradient);
    let op = Gradient {
        of: Arc::new(node.op.clone()),
        inputs: node.inputs.iter().map(|&input| graph.node(input).ty.clone()).collect(),
        wants,
        onto: false,
    };
    let span = graph.span(value);
    let scope = [&node.scope, ".gradient"].concat();
    let result = edit.push(op, inputs, node.params.clone(), scope.as_str().into(), span);
    match wanted[..] {
        [] => {}
        [only] => sent.push((only, result)),
        _ => sent.extend(wanted.iter().enumerate().map(|(index, &input)| {
            let part = Part { index };
            let name = format!("{scope}.{index}");
            (input, edit.push(part, smallvec![result], Few::new(), name.into(), span))
        })),
    }
    sent
}
