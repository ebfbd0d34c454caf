//! Pixels choose centers, and centers become the mean of themselves and the pixels that belong to
//! them.

use super::adaptive_pool::AdaptivePool;
use super::assign::{Assignment, first_largest, flat};
use super::heads::{directions, join, split};
use super::kernel::apply;
use super::windows::mask;
use crate::graph::ops::{Nearest, Weighing};
use candle_core::{D, DType, Device, Result, Tensor};

/// What is compared, `[B, H, W, C]`, to the choice `[B, N]`, which carries no gradient.
pub fn nearest(op: &Nearest, compared: &Tensor) -> Result<Tensor> {
    let (batch, h, w, _) = compared.dims4()?;
    let compared = compared.detach();
    let centers = apply(AdaptivePool { grid: op.grid }, &[&compared])?;
    let mut cosine =
        directions(&compared, 1)?.matmul(&directions(&centers, 1)?.transpose(2, 3)?)?;
    let shut = [0.0, f64::NEG_INFINITY];
    if let Some(mask) = mask(op.windows, [h, w], op.grid, shut, cosine.dtype())? {
        cosine = cosine.broadcast_add(&mask)?;
    }
    first_largest(&cosine.detach())?.reshape((batch, h * w))
}

/// Who belongs to whom, what is pooled, `[B, H, W, C]`, and what the centers are themselves,
/// `[B, gh, gw, C]`, to `[B, gh, gw, C]`.
pub fn cluster_mean(
    weighing: Weighing,
    belonging: &Assignment,
    heads: usize,
    pooled: &Tensor,
    centers: &Tensor,
) -> Result<Tensor> {
    let (_, gh, gw, _) = centers.dims4()?;
    let values = split(pooled, heads)?;
    let own = split(centers, heads)?;
    let (batch, heads, m, d) = own.dims4()?;
    let (above, below) = match belonging {
        Assignment::Soft(weights) => {
            (weights.transpose(2, 3)?.contiguous()?.matmul(&values)?, weights.sum(2)?)
        }
        Assignment::Hard { index, weight } => {
            let list = flat(index, m)?;
            let gather = |rows: &Tensor| {
                let width = rows.dim(D::Minus1)?;
                let rows = rows.contiguous()?.reshape(((), width))?;
                let zeros = Tensor::zeros((batch * heads * m, width), rows.dtype(), &Device::Cpu)?;
                zeros.index_add(&list, &rows, 0)?.reshape((batch, heads, m, width))
            };
            let weight = weight.unsqueeze(3)?;
            let ones = weight.ones_like()?;
            let (above, below) = match weighing {
                Weighing::Mean => (values, ones),
                Weighing::Weighted => (values.broadcast_mul(&weight)?, weight),
                Weighing::Mixed => (values.broadcast_mul(&weight)?, ones),
            };
            (gather(&above)?, gather(&below)?.squeeze(3)?)
        }
    };
    let sums = (above + own)?;
    join(
        &sums.broadcast_div(&(below + 1.0)?.unsqueeze(3)?)?.reshape((batch, heads, m, d))?,
        [gh, gw],
    )
}

/// The assignment that an index per pixel is, to one head.
pub fn of_index(index: &Tensor, dtype: DType) -> Result<Assignment> {
    let index = index.unsqueeze(1)?;
    let weight = index.ones_like()?.to_dtype(dtype)?;
    Ok(Assignment::Hard { index, weight })
}
