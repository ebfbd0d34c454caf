//! How much working memory the kernels of a plan want to be lent.

use super::run::rows;
use super::sized;
use crate::graph::ops::CoordConv;
use crate::graph::{Op, Type};
use crate::plan::Plan;

/// Floats for the neediest node, with groups of at most `images`: fewer images need no more.
pub fn scratch(plan: &Plan, images: usize) -> usize {
    let graph = &plan.graph;
    let needs = graph.nodes.iter().map(|node| match &node.op {
        Op::Gradient(gradient) => {
            let types: Vec<&Type> = gradient.inputs.iter().collect();
            one(&gradient.of, &types, images, true)
        }
        op => {
            let types: Vec<&Type> = node.inputs.iter().map(|&v| &graph.node(v).ty).collect();
            one(op, &types, images, false)
        }
    });
    needs.max().unwrap_or(0)
}

fn one(op: &Op, inputs: &[&Type], images: usize, backward: bool) -> usize {
    match op {
        Op::Conv(of) | Op::CoordConv(CoordConv(of)) => {
            let kernel = sized::conv(of, op, inputs[0]);
            if backward { kernel.backward_scratch(images) } else { kernel.scratch(images) }
        }
        Op::Linear(op) if backward => sized::linear(op, inputs[0]).scratch(),
        Op::Ffn(op) => {
            let kernel = sized::ffn(op, inputs[0]);
            if backward { kernel.backward_scratch(images) } else { kernel.scratch(images) }
        }
        Op::LayerNorm(_) | Op::GroupNorm(_) | Op::Scale(_) if backward => {
            images * inputs[0].elements() as usize
        }
        Op::Attend(op) => {
            let kernel = sized::attend(op, inputs[0], inputs[1]);
            if backward { kernel.backward_scratch() } else { kernel.scratch() }
        }
        Op::Gate(op) => {
            let kernel = sized::gate(op, inputs[0]);
            if backward { kernel.backward_scratch() } else { kernel.scratch() }
        }
        Op::Assign(op) => sized::assign(op, inputs[0], inputs[1]).scratch(),
        Op::Dispatch(_) => {
            sized::dispatch(inputs[0], inputs[1]).map_or(0, |(kernel, _)| kernel.scratch())
        }
        Op::DispatchLinear(op) => {
            sized::dispatch_linear(op, inputs[0], inputs[1]).map_or(0, |kernel| kernel.scratch())
        }
        Op::Nearest(op) => sized::nearest(op, inputs[0]).scratch(),
        Op::ClusterMean(op) => {
            let Some(kernel) = sized::cluster_mean(op, inputs[0], inputs[1]) else { return 0 };
            let [rows, columns] = kernel.grid;
            let own = if backward { images * rows * columns * kernel.channels } else { 0 };
            own + kernel.scratch()
        }
        Op::CrossEntropy(_) => rows(inputs[0]).1,
        _ => 0,
    }
}
