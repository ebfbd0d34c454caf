//! The small ops.

use crate::exec::{StepKey, Targets, drop_path};
use crate::graph::ops::{CrossEntropy, DropPath};
use candle_core::{Result, Tensor};

/// Appends the row and the column of every pixel, in `f32` as published, to `[B, H, W, C]`.
pub fn coordinates(x: &Tensor) -> Result<Tensor> {
    let (batch, h, w, _) = x.dims4()?;
    let place = |i: usize, n: usize| i as f32 / (n as f32 - 1.0) - 0.5;
    let places: Vec<f32> = (0..h * w).flat_map(|n| [place(n / w, h), place(n % w, w)]).collect();
    let places = Tensor::from_vec(places, (1, h, w, 2), x.device())?.to_dtype(x.dtype())?;
    Tensor::cat(&[x, &places.broadcast_as((batch, h, w, 2))?.contiguous()?], 3)
}

/// `[B, H, W, C] -> [B, C]`.
pub fn mean(x: &Tensor) -> Result<Tensor> {
    let (batch, h, w, channels) = x.dims4()?;
    x.reshape((batch, h * w, channels))?.mean(1)
}

/// Drops whole images, and divides the kept ones by the probability of keeping; `first` is the
/// position of the first image within the whole batch.
pub fn drop_path(x: &Tensor, op: &DropPath, first: usize, key: StepKey) -> Result<Tensor> {
    let batch = x.dim(0)?;
    let factor = |i| drop_path::factor(op.rate, op.site, (first + i) as u64, key);
    let factors: Vec<f64> = (0..batch).map(factor).collect();
    let mut dims = vec![1; x.rank()];
    dims[0] = batch;
    x.broadcast_mul(&Tensor::from_vec(factors, dims, x.device())?.to_dtype(x.dtype())?)
}

/// The sum over the images of their cross entropy; logits `[B, K]`. Labels are below K.
pub fn cross_entropy_sum(
    op: &CrossEntropy,
    logits: &Tensor,
    targets: Targets<'_>,
) -> Result<Tensor> {
    let (batch, classes) = logits.dims2()?;
    let mut shown = vec![op.smoothing / classes as f64; batch * classes];
    for (row, (label, other)) in shown.chunks_exact_mut(classes).zip(targets.each()) {
        let share = f64::from(other.share);
        row[label as usize] += (1.0 - op.smoothing) * (1.0 - share);
        row[other.label as usize] += (1.0 - op.smoothing) * share;
    }
    let shown = Tensor::from_vec(shown, (batch, classes), logits.device())?;
    let centered = logits.broadcast_sub(&logits.max_keepdim(1)?.detach())?;
    let normalizer = centered.exp()?.sum(1)?.log()?.sum_all()?;
    normalizer - (centered * shown.to_dtype(logits.dtype())?)?.sum_all()?
}
