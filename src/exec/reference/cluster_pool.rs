//! Pooling by clusters: every center becomes the mean of itself and the pixels most similar to it.

use super::adaptive_pool::AdaptivePool;
use super::assign::{first_largest, flat};
use super::heads::directions;
use super::kernel::apply;
use crate::graph::Size;
use candle_core::{Device, Result, Tensor};

/// What is compared, `[B, H, W, D]`, and what is pooled, `[B, H, W, C]`; the pooled map and the
/// choice `[B, N]`, which carries no gradient.
pub fn cluster_pool(grid: Size, compared: &Tensor, pooled: &Tensor) -> Result<(Tensor, Tensor)> {
    let (batch, h, w, channels) = pooled.dims4()?;
    let m = grid[0] * grid[1];
    let compared = compared.detach();
    let centers = apply(AdaptivePool { grid }, &[&compared])?;
    let cosine = directions(&compared, 1)?.matmul(&directions(&centers, 1)?.transpose(2, 3)?)?;
    let index = first_largest(&cosine.detach())?.reshape((batch, h * w))?;
    let list = flat(&index, m)?;
    let mut counts = vec![1.0; batch * m];
    list.to_vec1::<u32>()?.iter().for_each(|&row| counts[row as usize] += 1.0);
    let counts =
        Tensor::from_vec(counts, (batch * m, 1), &Device::Cpu)?.to_dtype(pooled.dtype())?;
    let sums = apply(AdaptivePool { grid }, &[pooled])?.reshape((batch * m, channels))?.index_add(
        &list,
        &pooled.reshape((batch * h * w, channels))?,
        0,
    )?;
    let means = sums.broadcast_div(&counts)?.reshape((batch, grid[0], grid[1], channels))?;
    Ok((means, index))
}
