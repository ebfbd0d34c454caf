//! What a node of the forward pass runs.

use super::kernels::adaptive_pool::AdaptivePool;
use super::kernels::assign::{self, Assign};
use super::kernels::attend::Attend;
use super::kernels::cluster_mean::{Belonging, ClusterMean};
use super::kernels::conv::Conv;
use super::kernels::depthwise::Depthwise;
use super::kernels::dispatch::Dispatch;
use super::kernels::dispatch_linear::{DispatchLinear, Inputs};
use super::kernels::elementwise::{self, Coordinates, Mean, Scale};
use super::kernels::ffn::{Ffn, FfnWeights};
use super::kernels::gate::{self, Gate};
use super::kernels::gelu::Gelu;
use super::kernels::group_norm::GroupNorm;
use super::kernels::layer_norm::LayerNorm;
use super::kernels::linear::Linear;
use super::kernels::loss::cross_entropy;
use super::kernels::nearest::Nearest;
use super::kernels::reread::{Reading, Reread};
use super::kernels::windowed::Windowed;
use super::lane::Lane;
use super::run::{Node, map, rows};
use crate::exec::drop_path;
use crate::graph::ops::CoordConv;
use crate::graph::{Choice, Op, Size, Type, Value, ops};

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
            let kernel = conv(of, op, ty(0));
            kernel.forward(n, node.x(0), weight, node.param(1), node.y(0), scratch);
        }
        Op::Depthwise(op) => {
            depthwise(op, ty(0)).forward(n, node.x(0), node.param(0), node.param(1), node.y(0));
        }
        Op::Linear(op) => {
            let Some(weight) = node.run.weights.packed(node.params()[0]) else { return };
            linear(op, ty(0)).forward(n, node.x(0), weight, node.param(1), node.y(0));
        }
        Op::Ffn(op) => {
            let Some(weights) = ffn_weights(node, op) else { return };
            let kept = op.keeps.then(|| node.y(ops::Ffn::HIDDEN));
            ffn(op, ty(0)).forward(n, node.x(0), weights, node.y(0), kept, scratch);
        }
        Op::LayerNorm(_) => {
            layer_norm(ty(0)).forward(n, node.x(0), node.param(0), node.param(1), node.y(0));
        }
        Op::GroupNorm(_) => {
            group_norm(ty(0)).forward(n, node.x(0), node.param(0), node.param(1), node.y(0));
        }
        Op::Scale(_) => scale(ty(0)).forward(node.x(0), node.param(0), node.y(0)),
        Op::Reread(op) => reread(op, ty(0)).forward(n, node.x(0), node.y(0)),
        Op::Gelu(_) => gelu(ty(0)).forward(n, node.x(0), node.y(0)),
        Op::Add(_) => add(node),
        Op::Residual(op) => {
            let factors = factors(node, op.rate, op.site);
            elementwise::residual(node.x(0), node.x(1), &factors, node.y(0));
        }
        Op::DropPath(op) => {
            let factors = factors(node, op.rate, op.site);
            elementwise::scale_images(node.x(0), &factors, node.y(0));
        }
        Op::Blend(_) => elementwise::blend(node.x(0), node.x(1), node.y(0)),
        Op::Mean(_) => mean(ty(0)).forward(n, node.x(0), node.y(0)),
        Op::AdaptivePool(op) => adaptive_pool(op.grid, ty(0)).forward(n, node.x(0), node.y(0)),
        Op::Attend(op) => attend(op, ty(0), ty(1)).forward(
            n,
            node.x(0),
            node.x(1),
            node.x(2),
            temperature(node),
            node.y(0),
            node.y(1),
            scratch,
        ),
        Op::Gate(op) => {
            gate(op, ty(0)).forward(n, node.x(0), node.x(1), gate_params(node), node.y(0), scratch);
        }
        Op::Assign(op) => {
            let kernel = assign(op, ty(0), ty(1));
            let inputs = assign_inputs(node, node.x(0), node.x(1));
            match op.choice {
                Choice::Hard => {
                    kernel.hard_forward(n, inputs, node.y_index(), node.y(1), scratch);
                }
                Choice::Soft => kernel.soft_forward(n, inputs, node.y(0), scratch),
            }
        }
        Op::Dispatch(_) => {
            let Some((kernel, choice)) = dispatch(ty(0), ty(1)) else { return };
            let assignment = node.inputs()[0];
            match choice {
                Choice::Hard => {
                    let (index, weight) =
                        (node.read_index(assignment), node.read_at(assignment, 1));
                    kernel.hard_forward(n, index, weight, node.x(1), node.y(0));
                }
                Choice::Soft => {
                    kernel.soft_forward(n, node.x(0), node.x(1), node.y(0), scratch);
                }
            }
        }
        Op::DispatchLinear(op) => {
            let Some(weight) = node.run.weights.packed(node.params()[0]) else { return };
            let Some(kernel) = dispatch_linear(op, ty(0), ty(1)) else { return };
            let inputs = chosen(node, node.inputs()[0], node.x(1));
            kernel.forward(n, inputs, weight, node.param(1), node.y(0), scratch);
        }
        Op::Nearest(op) => nearest(op, ty(0)).forward(n, node.x(0), node.y_index(), scratch),
        Op::ClusterMean(op) => {
            let Some(kernel) = cluster_mean(op, ty(0), ty(1)) else { return };
            match node.inputs().get(2) {
                Some(&own) => node.y(0).copy_from_slice(node.read(own)),
                None => adaptive_pool(kernel.grid, ty(1)).forward(n, node.x(1), node.y(0)),
            }
            let belonging = belonging(node, node.inputs()[0], ty(0));
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

/// What drop path multiplies each image's branch by.
pub fn factors(node: &Node<'_>, rate: f64, site: u64) -> Vec<f32> {
    let first = node.first() as u64;
    let images = first..first + node.count() as u64;
    images.map(|image| drop_path::factor(rate, site, image, node.run.key) as f32).collect()
}

/// The convolution of an op, which may know coordinates.
pub fn conv(conv: &ops::Conv, of: &Op, ty: &Type) -> Conv {
    let ([height, width], input) = map(ty);
    let ops::Conv { out: output, kernel, stride, pad } = *conv;
    let coords = matches!(of, Op::CoordConv(_));
    Conv { height, width, input, coords, output, kernel, stride, pad }
}

pub fn depthwise(op: &ops::Depthwise, ty: &Type) -> Depthwise {
    let ([height, width], channels) = map(ty);
    Depthwise { height, width, channels, kernel: op.kernel }
}

pub fn linear(op: &ops::Linear, ty: &Type) -> Linear {
    let (rows, input) = rows(ty);
    Linear { rows, input, output: op.out }
}

pub fn ffn(op: &ops::Ffn, ty: &Type) -> Ffn {
    let ([height, width], input) = map(ty);
    Ffn::tiled([height, width], [input, op.hidden, op.out], op.kernel)
}

pub fn ffn_weights<'a>(node: &Node<'a>, op: &ops::Ffn) -> Option<FfnWeights<'a>> {
    let params = node.params();
    let weights = node.run.weights;
    let (convolution, last) = match op.kernel {
        Some(_) => (Some([node.param(2), node.param(3)]), 4),
        None => (None, 2),
    };
    Some(FfnWeights {
        expand: weights.packed(params[0])?,
        expand_bias: node.param(1),
        depthwise: convolution,
        contract: weights.packed(params[last])?,
        contract_bias: node.param(last + 1),
    })
}

pub fn gelu(ty: &Type) -> Gelu {
    Gelu { elements: ty.elements() as usize }
}

pub fn layer_norm(ty: &Type) -> LayerNorm {
    let (rows, channels) = rows(ty);
    LayerNorm { rows, channels }
}

pub fn group_norm(ty: &Type) -> GroupNorm {
    let (pixels, channels) = rows(ty);
    GroupNorm { pixels, channels }
}

pub fn scale(ty: &Type) -> Scale {
    Scale { channels: rows(ty).1 }
}

pub fn reread(op: &ops::Reread, ty: &Type) -> Reread {
    let (pixels, channels) = rows(ty);
    let [height, width] = op.map;
    let channels_after = pixels * channels / (height * width);
    Reread {
        from: Reading { pixels, channels, blocks: op.from },
        to: Reading { pixels: height * width, channels: channels_after, blocks: op.to },
    }
}

pub fn mean(ty: &Type) -> Mean {
    let (pixels, channels) = rows(ty);
    Mean { pixels, channels }
}

pub fn adaptive_pool(grid: Size, ty: &Type) -> AdaptivePool {
    let (map, channels) = map(ty);
    AdaptivePool { map, grid, channels }
}

pub fn attend(op: &ops::Attend, centers: &Type, keys: &Type) -> Windowed<Attend> {
    let ((grid, _), (map, channels)) = (map(centers), map(keys));
    let [map, grid] = [map, grid].map(|size| op.windows.of(size));
    let kernel = Attend { map, grid, channels, heads: op.heads, score: op.score };
    Windowed { kernel, windows: op.windows }
}

/// Empty where the score has none.
pub fn temperature<'a>(node: &Node<'a>) -> &'a [f32] {
    if node.params().is_empty() { &[] } else { node.param(0) }
}

pub fn gate(op: &ops::Gate, ty: &Type) -> Gate {
    let (centers, channels) = rows(ty);
    Gate { centers, channels, heads: op.heads }
}

pub fn gate_params<'a>(node: &Node<'a>) -> gate::Params<'a> {
    gate::Params {
        weight1: node.param(0),
        bias1: node.param(1),
        weight2: node.param(2),
        bias2: node.param(3),
    }
}

pub fn assign(op: &ops::Assign, queries: &Type, keys: &Type) -> Windowed<Assign> {
    let ((grid, _), (map, channels)) = (map(queries), map(keys));
    let [map, grid] = [map, grid].map(|size| op.windows.of(size));
    Windowed { kernel: Assign { map, grid, channels, heads: op.heads }, windows: op.windows }
}

pub fn assign_inputs<'a>(
    node: &Node<'a>,
    queries: &'a [f32],
    keys: &'a [f32],
) -> assign::Inputs<'a> {
    assign::Inputs { queries, keys, alpha: node.param(0)[0], beta: node.param(1)[0] }
}

pub fn dispatch(assignment: &Type, centers: &Type) -> Option<(Dispatch, Choice)> {
    let Type::Assignment { map, grid, heads, choice } = *assignment else { return None };
    let (_, channels) = rows(centers);
    Some((Dispatch { map, grid, channels, heads }, choice))
}

pub fn dispatch_linear(
    op: &ops::DispatchLinear,
    assignment: &Type,
    centers: &Type,
) -> Option<DispatchLinear> {
    let (Dispatch { map, grid, channels, heads }, _) = dispatch(assignment, centers)?;
    let [pixels, centers] = [map, grid].map(|[rows, columns]| rows * columns);
    Some(DispatchLinear { centers, pixels, heads, width: channels / heads, output: op.out })
}

/// What the pixels of an assignment chose of `centers`.
pub fn chosen<'a>(node: &Node<'a>, assignment: Value, centers: &'a [f32]) -> Inputs<'a> {
    let index = node.read_index(assignment);
    Inputs { index, scale: node.read_at(assignment, 1), centers }
}

pub fn nearest(op: &ops::Nearest, ty: &Type) -> Windowed<Nearest> {
    let (map, channels) = map(ty);
    let [map, grid] = [map, op.grid].map(|size| op.windows.of(size));
    Windowed { kernel: Nearest { map, grid, channels }, windows: op.windows }
}

/// For an index or an assignment, and what is pooled.
pub fn cluster_mean(op: &ops::ClusterMean, chosen: &Type, pooled: &Type) -> Option<ClusterMean> {
    let (map, grid, heads) = match *chosen {
        Type::Index { map, grid } => (map, grid, 1),
        Type::Assignment { map, grid, heads, .. } => (map, grid, heads),
        _ => return None,
    };
    let (_, channels) = rows(pooled);
    Some(ClusterMean { map, grid, channels, heads, weighing: op.weighing })
}

pub fn belonging<'a>(node: &Node<'a>, value: Value, ty: &Type) -> Belonging<'a> {
    match ty {
        Type::Assignment { choice: Choice::Soft, .. } => Belonging::Soft(node.read(value)),
        Type::Assignment { .. } => Belonging::Hard(node.read_index(value), node.read_at(value, 1)),
        _ => Belonging::Hard(node.read_index(value), &[]),
    }
}
