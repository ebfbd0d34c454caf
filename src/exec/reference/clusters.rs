//! Pooling by clusters: every pixel chooses the center most similar to it, and every center becomes
//! the mean of itself and the pixels that chose it.

use super::adaptive_pool::AdaptivePool;
use super::assign::{first_largest, flat};
use super::heads::directions;
use super::kernel::apply;
use crate::graph::Size;
use candle_core::{Device, Result, Tensor};

/// What is compared, `[B, H, W, C]`, to the choice `[B, N]`, which carries no gradient.
pub fn nearest(grid: Size, compared: &Tensor) -> Result<Tensor> {
    let (batch, h, w, _) = compared.dims4()?;
    let compared = compared.detach();
    let centers = apply(AdaptivePool { grid }, &[&compared])?;
    let cosine = directions(&compared, 1)?.matmul(&directions(&centers, 1)?.transpose(2, 3)?)?;
    first_largest(&cosine.detach())?.reshape((batch, h * w))
}

/// A choice `[B, N]` and what is pooled, `[B, H, W, C]`, to `[B, gh, gw, C]`.
pub fn cluster_mean(grid: Size, index: &Tensor, pooled: &Tensor) -> Result<Tensor> {
    let (batch, h, w, channels) = pooled.dims4()?;
    let m = grid[0] * grid[1];
    let list = flat(index, m)?;
    let mut counts = vec![1.0; batch * m];
    list.to_vec1::<u32>()?.iter().for_each(|&row| counts[row as usize] += 1.0);
    let counts =
        Tensor::from_vec(counts, (batch * m, 1), &Device::Cpu)?.to_dtype(pooled.dtype())?;
    let sums = apply(AdaptivePool { grid }, &[pooled])?.reshape((batch * m, channels))?.index_add(
        &list,
        &pooled.reshape((batch * h * w, channels))?,
        0,
    )?;
    sums.broadcast_div(&counts)?.reshape((batch, grid[0], grid[1], channels))
}
