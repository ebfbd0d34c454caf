//! How much working memory the kernels of a plan want to be lent.

use super::run::rows;
use super::sized;
use crate::graph::ops::{CoordConv, Gradient};
use crate::graph::{Choice, Op, Type};
use crate::plan::Plan;

/// Floats for the neediest node, with groups of at most `images`: fewer images need no more.
pub fn scratch(plan: &Plan, images: usize) -> usize {
    let graph = &plan.graph;
    let needs = graph.nodes.iter().map(|node| match &node.op {
        Op::Gradient(gradient) => {
            let types: Vec<&Type> = gradient.inputs.iter().collect();
            backward(gradient, &types, images)
        }
        op => {
            let types: Vec<&Type> = node.inputs.iter().map(|&v| &graph.node(v).ty).collect();
            forward(op, &types, images)
        }
    });
    needs.max().unwrap_or(0)
}

fn forward(op: &Op, inputs: &[&Type], images: usize) -> usize {
    match op {
        Op::Conv(of) | Op::CoordConv(CoordConv(of)) => {
            sized::conv(of, op, inputs[0]).scratch(images)
        }
        Op::Ffn(op) => sized::ffn(op, inputs[0]).scratch(images),
        Op::Attend(op) => sized::attend(op, inputs[0], inputs[1]).scratch(),
        Op::Gate(op) => sized::gate(op, inputs[0]).scratch(),
        Op::Assign(op) => sized::assign(op, inputs[0], inputs[1]).scratch(op.choice),
        Op::Dispatch(_) => match sized::dispatch(inputs[0], inputs[1]) {
            Some((kernel, Choice::Soft)) => kernel.scratch(),
            _ => 0,
        },
        Op::DispatchLinear(op) => {
            sized::dispatch_linear(op, inputs[0], inputs[1]).map_or(0, |kernel| kernel.scratch())
        }
        Op::Nearest(op) => sized::nearest(op, inputs[0]).scratch(),
        Op::ClusterMean(op) => {
            sized::cluster_mean(op, inputs[0], inputs[1]).map_or(0, |kernel| kernel.scratch())
        }
        Op::CrossEntropy(_) => rows(inputs[0]).1,
        _ => 0,
    }
}

fn backward(gradient: &Gradient, inputs: &[&Type], images: usize) -> usize {
    match &*gradient.of {
        Op::Conv(of) | Op::CoordConv(CoordConv(of)) => {
            sized::conv(of, &gradient.of, inputs[0]).backward_scratch(images)
        }
        Op::Linear(op) => sized::linear(op, inputs[0]).scratch(),
        Op::Ffn(op) => sized::ffn(op, inputs[0]).backward_scratch(images),
        // The gradient of the input, where nobody asks for it.
        Op::LayerNorm(_) | Op::GroupNorm(_) | Op::Scale(_) if !gradient.wants[0] => {
            images * inputs[0].elements() as usize
        }
        Op::Attend(op) => sized::attend(op, inputs[0], inputs[1]).backward_scratch(),
        Op::Gate(op) => sized::gate(op, inputs[0]).backward_scratch(),
        Op::Assign(op) => sized::assign(op, inputs[0], inputs[1]).backward_scratch(op.choice),
        Op::Dispatch(_) => match sized::dispatch(inputs[0], inputs[1]) {
            Some((kernel, Choice::Soft)) => kernel.backward_scratch(),
            _ => 0,
        },
        Op::DispatchLinear(op) => sized::dispatch_linear(op, inputs[0], inputs[1])
            .map_or(0, |kernel| kernel.backward_scratch()),
        Op::ClusterMean(op) => {
            let Some(kernel) = sized::cluster_mean(op, inputs[0], inputs[1]) else { return 0 };
            let [rows, columns] = kernel.grid;
            images * rows * columns * kernel.channels + kernel.scratch()
        }
        _ => 0,
    }
}
