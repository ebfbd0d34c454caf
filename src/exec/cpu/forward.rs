//! What a node of the forward pass runs.

use super::kernels::dispatch_linear;
use super::kernels::elementwise::{self, Coordinates};
use super::kernels::loss::cross_entropy;
use super::lane::Lane;
use super::operands;
use super::run::{Node, map, rows};
use super::sized;
use crate::graph::ops::CoordConv;
use crate::graph::{Choice, Op, ops};

pub fn run(node: &Node<'_>, op: &Op, lane: &mut Lane) {
    let n = node.count();
    let ty = |i: usize| &node.graph().node(node.inputs()[i]).ty;
    let scratch = &mut lane.scratch[..];
    match op {
        Op::Input(_) | Op::Labels(_) | Op::Part(_) | Op::Update(_) | Op::Gradient(_) => {}
        // Never computed.
        Op::Spare(_) => {}
        Op::Coordinates(_) => {
            let (map, channels) = map(ty(0));
            Coordinates { map, channels }.forward(n, node.x(0), node.y(0));
        }
        Op::Conv(of) | Op::CoordConv(CoordConv(of)) => {
            let Some(weight) = node.run.weights.packed(node.params()[0]) else { return };
            let kernel = sized::conv(of, op, ty(0));
            kernel.forward(n, node.x(0), weight, node.param(1), node.y(0), scratch);
        }
        Op::Depthwise(op) => {
            sized::depthwise(op, ty(0)).forward(
                n,
                node.x(0),
                node.param(0),
                node.param(1),
                node.y(0),
            );
        }
        Op::Linear(op) => {
            let Some(weight) = node.run.weights.packed(node.params()[0]) else { return };
            sized::linear(op, ty(0)).forward(n, node.x(0), weight, node.param(1), node.y(0));
        }
        Op::Ffn(op) => {
            let Some(weights) = operands::ffn_weights(node, op) else { return };
            let kept = op.keeps.then(|| node.y(ops::Ffn::HIDDEN));
            sized::ffn(op, ty(0)).forward(n, node.x(0), weights, node.y(0), kept, scratch);
        }
        Op::LayerNorm(_) => {
            sized::layer_norm(ty(0)).forward(n, node.x(0), node.param(0), node.param(1), node.y(0));
        }
        Op::GroupNorm(_) => {
            sized::group_norm(ty(0)).forward(n, node.x(0), node.param(0), node.param(1), node.y(0));
        }
        Op::Scale(_) => sized::scale(ty(0)).forward(node.x(0), node.param(0), node.y(0)),
        Op::Reread(op) => sized::reread(op, ty(0)).forward(n, node.x(0), node.y(0)),
        Op::Gelu(_) => sized::gelu(ty(0)).forward(n, node.x(0), node.y(0)),
        Op::Add(_) => add(node),
        Op::Residual(op) => {
            let factors = operands::factors(node, op.rate, op.site);
            elementwise::residual(node.x(0), node.x(1), &factors, node.y(0));
        }
        Op::DropPath(op) => {
            let factors = operands::factors(node, op.rate, op.site);
            elementwise::scale_images(node.x(0), &factors, node.y(0));
        }
        Op::Blend(_) => elementwise::blend(node.x(0), node.x(1), node.y(0)),
        Op::Mean(_) => sized::mean(ty(0)).forward(n, node.x(0), node.y(0)),
        Op::AdaptivePool(op) => {
            sized::adaptive_pool(op.grid, ty(0)).forward(n, node.x(0), node.y(0))
        }
        Op::Attend(op) => {
            let inputs = operands::attend_inputs(node, [0, 1, 2].map(|i| node.x(i)));
            sized::attend(op, ty(0), ty(1)).forward(n, inputs, node.y(0), node.y(1), scratch);
        }
        Op::Gate(op) => {
            sized::gate(op, ty(0)).forward(
                n,
                node.x(0),
                node.x(1),
                operands::gate_params(node),
                node.y(0),
                scratch,
            );
        }
        Op::Assign(op) => {
            let kernel = sized::assign(op, ty(0), ty(1));
            let inputs = operands::assign_inputs(node, node.x(0), node.x(1));
            match op.choice {
                Choice::Hard => {
                    kernel.hard_forward(n, inputs, node.y_index(), node.y(1), scratch);
                }
                Choice::Soft => kernel.soft_forward(n, inputs, node.y(0), scratch),
            }
        }
        Op::Dispatch(_) => {
            let Some((kernel, choice)) = sized::dispatch(ty(0), ty(1)) else { return };
            let assignment = node.inputs()[0];
            match choice {
                Choice::Hard => {
                    let chosen = operands::chosen(node, assignment);
                    kernel.hard_forward(n, chosen, node.x(1), node.y(0));
                }
                Choice::Soft => {
                    kernel.soft_forward(n, node.x(0), node.x(1), node.y(0), scratch);
                }
            }
        }
        Op::DispatchLinear(op) => {
            let Some(weight) = node.run.weights.packed(node.params()[0]) else { return };
            let Some(kernel) = sized::dispatch_linear(op, ty(0), ty(1)) else { return };
            let chosen = operands::chosen(node, node.inputs()[0]);
            let inputs = dispatch_linear::Inputs { chosen, centers: node.x(1) };
            kernel.forward(n, inputs, weight, node.param(1), node.y(0), scratch);
        }
        Op::Nearest(op) => sized::nearest(op, ty(0)).forward(n, node.x(0), node.y_index(), scratch),
        Op::ClusterMean(op) => {
            let Some(kernel) = sized::cluster_mean(op, ty(0), ty(1)) else { return };
            match node.inputs().get(2) {
                Some(&own) => node.y(0).copy_from_slice(node.read(own)),
                None => sized::adaptive_pool(kernel.grid, ty(1)).forward(n, node.x(1), node.y(0)),
            }
            let belonging = operands::belonging(node, node.inputs()[0], ty(0));
            kernel.forward(n, belonging, node.x(1), node.y(0), scratch);
        }
        Op::CrossEntropy(op) => {
            let (classes, smoothing) = (rows(ty(0)).1, op.smoothing as f32);
            let logits = node.x(0).chunks_exact(classes);
            for ((logits, target), y) in logits.zip(node.targets().each()).zip(node.y(0)) {
                *y = cross_entropy(logits, target, smoothing, 1.0, &mut scratch[..classes]);
            }
            lane.losses.extend_from_slice(node.y(0));
        }
    }
}

/// `y = a + b`, in place where the plan says so.
fn add(node: &Node<'_>) {
    let [first, second] = [0, 1].map(|i| node.shares(node.inputs()[i]));
    match (first, second) {
        (true, _) => elementwise::accumulate(node.x(1), node.y(0)),
        (_, true) => elementwise::accumulate(node.x(0), node.y(0)),
        _ => elementwise::add(node.x(0), node.x(1), node.y(0)),
    }
}
