//! What a node of the backward pass runs: gradients of inputs into the arena, gradients of parameters
//! onto the lane's.

use super::kernels::assign;
use super::kernels::attend;
use super::kernels::cluster_mean::Saved;
use super::kernels::conv::ConvGradients;
use super::kernels::depthwise::DepthwiseGradients;
use super::kernels::dispatch;
use super::kernels::dispatch_linear;
use super::kernels::elementwise;
use super::kernels::ffn::{FfnBackward, FfnGradients};
use super::kernels::gate::{self, ParamGradients};
use super::kernels::linear::LinearGradients;
use super::kernels::loss::cross_entropy;
use super::lane::Lane;
use super::operands;
use super::run::{Node, map, rows};
use super::sized;
use crate::exec::Parameters;
use crate::graph::ops::{CoordConv, Gradient};
use crate::graph::{Choice, Op, ParamId};

pub fn run(node: &Node<'_>, op: &Gradient, lane: &mut Lane) {
    let n = node.count();
    let operands = op.operands(node.inputs());
    let ty = |i: usize| &op.inputs[i];
    let x = |i: usize| node.read(operands.inputs[i]);
    let dy = || operands.gradient.map_or(&[][..], |gradient| node.read(gradient));
    let Lane { scratch, gradients, .. } = lane;
    let weights = node.run.weights;
    let wants = |i: usize| op.wants[i];
    // Where the result lies elsewhere than what it is added to, it begins as a copy of that.
    if let Some(onto) = operands.onto.filter(|&onto| !node.shares(onto)) {
        node.y(0).copy_from_slice(node.read(onto));
    }
    match &*op.of {
        Op::Conv(of) | Op::CoordConv(CoordConv(of)) => {
            let kernel = sized::conv(of, &op.of, ty(0));
            if let (true, Some(weight)) = (wants(0), weights.transposed(node.params()[0])) {
                kernel.backward_input(n, dy(), weight, node.y(0), scratch);
            }
            with(gradients, node.params(), |[weight, bias]| {
                kernel.backward_weight(n, x(0), dy(), ConvGradients { weight, bias }, scratch);
            });
        }
        Op::Depthwise(of) => {
            let kernel = sized::depthwise(of, ty(0));
            if wants(0) {
                kernel.backward_input(n, dy(), node.param(0), node.y(0));
            }
            with(gradients, node.params(), |[weight, bias]| {
                kernel.backward_weight(n, x(0), dy(), DepthwiseGradients { weight, bias });
            });
        }
        Op::Linear(of) => {
            let kernel = sized::linear(of, ty(0));
            if let (true, Some(weight)) = (wants(0), weights.transposed(node.params()[0])) {
                kernel.backward_input(n, dy(), weight, node.y(0), op.onto);
            }
            with(gradients, node.params(), |[weight, bias]| {
                kernel.backward_weight(n, x(0), dy(), LinearGradients { weight, bias }, scratch);
            });
        }
        Op::Ffn(of) => {
            let last = if of.kernel.is_some() { 4 } else { 2 };
            let (Some(forward), Some(expand), Some(contract)) = (
                operands::ffn_weights(node, of),
                weights.transposed(node.params()[0]),
                weights.transposed(node.params()[last]),
            ) else {
                return;
            };
            let kernel = sized::ffn(of, ty(0));
            let weights = FfnBackward { forward, expand, contract };
            let kept = operands.result.map(|hidden| node.read(hidden));
            let mut none = [];
            let dx = if wants(0) { node.y(0) } else { &mut none[..] };
            match of.kernel {
                Some(_) => with(gradients, node.params(), |[a, b, c, d, e, f]| {
                    let gradients = FfnGradients {
                        expand: a,
                        expand_bias: b,
                        depthwise: Some([c, d]),
                        contract: e,
                        contract_bias: f,
                    };
                    kernel.backward(n, x(0), dy(), kept, weights, dx, gradients, scratch);
                }),
                None => with(gradients, node.params(), |[a, b, e, f]| {
                    let gradients = FfnGradients {
                        expand: a,
                        expand_bias: b,
                        depthwise: None,
                        contract: e,
                        contract_bias: f,
                    };
                    kernel.backward(n, x(0), dy(), None, weights, dx, gradients, scratch);
                }),
            }
        }
        Op::LayerNorm(_) => with(gradients, node.params(), |[weight, bias]| {
            let kernel = sized::layer_norm(ty(0));
            let scale = node.param(0);
            let dx = if wants(0) { node.y(0) } else { &mut scratch[..dy().len()] };
            kernel.backward(n, x(0), scale, dy(), dx, weight, bias, op.onto);
        }),
        Op::GroupNorm(_) => with(gradients, node.params(), |[weight, bias]| {
            let kernel = sized::group_norm(ty(0));
            let scale = node.param(0);
            let dx = if wants(0) { node.y(0) } else { &mut scratch[..dy().len()] };
            kernel.backward(n, x(0), scale, dy(), dx, weight, bias);
        }),
        Op::Scale(_) => with(gradients, node.params(), |[weight]| {
            let dx = if wants(0) { node.y(0) } else { &mut scratch[..dy().len()] };
            sized::scale(ty(0)).backward(x(0), node.param(0), dy(), dx, weight);
        }),
        Op::Reread(of) => sized::reread(of, ty(0)).backward(n, dy(), node.y(0)),
        Op::Gelu(_) => sized::gelu(ty(0)).backward(n, x(0), dy(), node.y(0)),
        Op::Residual(of) => {
            elementwise::scale_images(dy(), &operands::factors(node, of.rate, of.site), node.y(0));
        }
        Op::DropPath(of) => {
            elementwise::scale_images(dy(), &operands::factors(node, of.rate, of.site), node.y(0));
        }
        Op::Blend(_) => {
            for result in 0..op.results().len() {
                elementwise::scale(dy(), 0.5, node.y(result));
            }
        }
        Op::Mean(_) => sized::mean(ty(0)).backward(n, dy(), node.y(0)),
        Op::AdaptivePool(of) => {
            sized::adaptive_pool(of.grid, ty(0)).backward(n, dy(), node.y(0), op.onto);
        }
        Op::Attend(of) => {
            let Some(result) = operands.result else { return };
            let inputs = operands::attend_inputs(node, [0, 1, 2].map(x));
            let (logs, result) = (node.read_at(result, 1), node.read(result));
            let saved = attend::Saved { inputs, result, logs };
            let kernel = sized::attend(of, ty(0), ty(1));
            let mut none = [];
            let temperature = match node.params().first() {
                Some(id) => &mut gradients[id.0 as usize],
                None => &mut none[..],
            };
            let [centers, keys, values] = [0, 1, 2].map(|i| node.y(i));
            let gradients = attend::Gradients { centers, keys, values, temperature };
            kernel.backward(n, saved, dy(), gradients, scratch);
        }
        Op::Gate(of) => with(gradients, node.params(), |[weight1, bias1, weight2, bias2]| {
            let kernel = sized::gate(of, ty(0));
            let params = operands::gate_params(node);
            let [soft, local] = [0, 1].map(|i| node.y(i));
            let to = ParamGradients { weight1, bias1, weight2, bias2 };
            let gradients = gate::Gradients { soft, local, params: to };
            kernel.backward(n, [x(0), x(1)], params, dy(), gradients, scratch);
        }),
        Op::Assign(of) => with(gradients, node.params(), |[alpha, beta]| {
            let Some(result) = operands.result else { return };
            let kernel = sized::assign(of, ty(0), ty(1));
            let inputs = operands::assign_inputs(node, x(0), x(1));
            let [queries, keys] = [0, 1].map(|i| node.y(i));
            let (alpha, beta) = (&mut alpha[0], &mut beta[0]);
            let gradients = assign::Gradients { queries, keys, alpha, beta };
            match of.choice {
                Choice::Hard => {
                    let chosen = operands::chosen(node, result);
                    kernel.hard_backward(n, inputs, chosen, dy(), gradients, scratch);
                }
                Choice::Soft => kernel.soft_backward(n, inputs, dy(), gradients, scratch),
            }
        }),
        Op::Dispatch(_) => {
            let Some((kernel, choice)) = sized::dispatch(ty(0), ty(1)) else { return };
            let [weights, centers] = [0, 1].map(|i| node.y(i));
            let gradients = dispatch::Gradients { weights, centers };
            match choice {
                Choice::Hard => {
                    let chosen = operands::chosen(node, operands.inputs[0]);
                    kernel.hard_backward(n, chosen, x(1), dy(), gradients);
                }
                Choice::Soft => {
                    kernel.soft_backward(n, x(0), x(1), dy(), gradients, scratch);
                }
            }
        }
        Op::DispatchLinear(of) => {
            let Some(kernel) = sized::dispatch_linear(of, ty(0), ty(1)) else { return };
            let Some(packed) = weights.packed(node.params()[0]) else { return };
            let chosen = operands::chosen(node, operands.inputs[0]);
            let inputs = dispatch_linear::Inputs { chosen, centers: x(1) };
            let plain = node.param(0);
            with(gradients, node.params(), |[weight, bias]| {
                let [scale, centers] = [0, 1].map(|i| node.y(i));
                let gradients = dispatch_linear::Gradients { scale, centers, weight, bias };
                kernel.backward(n, inputs, packed, plain, dy(), gradients, scratch);
            });
        }
        Op::ClusterMean(of) => {
            let Some(kernel) = sized::cluster_mean(of, ty(0), ty(1)) else { return };
            let belonging = operands::belonging(node, operands.inputs[0], ty(0));
            let x = operands.inputs.get(1).map_or(&[][..], |&x| node.read(x));
            let result = operands.result.map_or(&[][..], |result| node.read(result));
            let [dweights, dx, own] = wanted(node, op);
            let (spare, scratch) = scratch.split_at_mut(dy().len());
            let down = own.unwrap_or(spare);
            kernel.backward_own(n, belonging, dy(), down, scratch);
            let dx = dx.unwrap_or_default();
            match op.inputs.get(2) {
                Some(_) => dx.fill(0.0),
                None if dx.is_empty() => {}
                None => sized::adaptive_pool(kernel.grid, ty(1)).backward(n, down, dx, false),
            }
            let saved = Saved { belonging, x, result, down };
            kernel.backward(n, saved, dx, dweights.unwrap_or_default());
        }
        Op::CrossEntropy(op) => {
            let (classes, smoothing) = (rows(ty(0)).1, op.smoothing as f32);
            let factor = node.run.scale / node.run.batch as f32;
            let logits = x(0).chunks_exact(classes).zip(node.y(0).chunks_exact_mut(classes));
            for ((logits, to), target) in logits.zip(node.targets().each()) {
                cross_entropy(logits, target, smoothing, factor, to);
            }
        }
        Op::Coordinates(_) => {
            let (map, channels) = map(ty(0));
            elementwise::Coordinates { map, channels }.backward(n, dy(), node.y(0));
        }
        // Their gradients pass unchanged or end there, so that no node computes them.
        Op::Add(_)
        | Op::Input(_)
        | Op::Nearest(_)
        | Op::Labels(_)
        | Op::Gradient(_)
        | Op::Part(_)
        | Op::Update(_)
        | Op::Spare(_) => {}
    }
}

/// Where the gradients of the inputs go: those wanted lie in the order of the inputs.
fn wanted<'a, const N: usize>(node: &Node<'a>, op: &Gradient) -> [Option<&'a mut [f32]>; N] {
    let mut results = 0..;
    std::array::from_fn(|input| {
        let wanted = op.wants.get(input).is_some_and(|wanted| *wanted);
        wanted.then(|| results.next()).flatten().map(|result| node.y(result))
    })
}

/// Lends the gradients of a node's parameters to `add`.
fn with<const N: usize>(
    gradients: &mut Parameters,
    params: &[ParamId],
    add: impl FnOnce([&mut [f32]; N]),
) {
    let Ok(ids) = <[usize; N]>::try_from(params.iter().map(|p| p.0 as usize).collect::<Vec<_>>())
    else {
        return;
    };
    if let Some(lent) = gradients.several(ids) {
        add(lent);
    }
}
