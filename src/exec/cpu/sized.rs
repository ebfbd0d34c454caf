//! The kernel of an op: its sizes follow from the types of what the op reads.

use super::kernels::adaptive_pool::AdaptivePool;
use super::kernels::assign::Assign;
use super::kernels::attend::Attend;
use super::kernels::cluster_mean::ClusterMean;
use super::kernels::conv::Conv;
use super::kernels::depthwise::Depthwise;
use super::kernels::dispatch::Dispatch;
use super::kernels::dispatch_linear::DispatchLinear;
use super::kernels::elementwise::{Mean, Scale};
use super::kernels::ffn::Ffn;
use super::kernels::gate::Gate;
use super::kernels::gelu::Gelu;
use super::kernels::group_norm::GroupNorm;
use super::kernels::layer_norm::LayerNorm;
use super::kernels::linear::Linear;
use super::kernels::nearest::Nearest;
use super::kernels::reread::{Reading, Reread};
use super::kernels::windowed::Windowed;
use super::run::{map, rows};
use crate::graph::{Choice, Op, Size, Type, ops};

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

pub fn gate(op: &ops::Gate, ty: &Type) -> Gate {
    let (centers, channels) = rows(ty);
    Gate { centers, channels, heads: op.heads }
}

pub fn assign(op: &ops::Assign, queries: &Type, keys: &Type) -> Windowed<Assign> {
    let ((grid, _), (map, channels)) = (map(queries), map(keys));
    let [map, grid] = [map, grid].map(|size| op.windows.of(size));
    Windowed { kernel: Assign { map, grid, channels, heads: op.heads }, windows: op.windows }
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
