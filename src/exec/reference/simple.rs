//! The small ops.

use crate::exec::{StepKey, drop_path};
use crate::graph::ops::DropPath;
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

/// The sum over the images of their cross entropy; logits `[B, K]`.
pub fn cross_entropy_sum(logits: &Tensor, labels: &[u32]) -> Result<Tensor> {
    let (batch, classes) = logits.dims2()?;
    let mut chosen = vec![0f32; batch * classes];
    for (i, &label) in labels.iter().enumerate() {
        let slot = chosen[i * classes..(i + 1) * classes].get_mut(label as usize);
        match slot {
            Some(slot) => *slot = 1.0,
            None => candle_core::bail!("label {label} of {classes} classes"),
        }
    }
    let chosen = Tensor::from_vec(chosen, (batch, classes), logits.device())?;
    let centered = logits.broadcast_sub(&logits.max_keepdim(1)?.detach())?;
    let normalizer = centered.exp()?.sum(1)?.log()?.sum_all()?;
    normalizer - (centered * chosen.to_dtype(logits.dtype())?)?.sum_all()?
}
