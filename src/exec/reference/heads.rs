//! Channels split into heads, and the differentiable sigmoid.

use super::kernel::apply;
use super::normalize::Normalize;
use candle_core::{Result, Tensor};

/// `[B, h, w, A] -> [B, heads, h w, A / heads]`, contiguous.
pub fn split(x: &Tensor, heads: usize) -> Result<Tensor> {
    let (batch, h, w, channels) = x.dims4()?;
    x.reshape((batch, h * w, heads, channels / heads))?.transpose(1, 2)?.contiguous()
}

/// `[B, heads, h w, d] -> [B, h, w, heads d]`.
pub fn join(x: &Tensor, size: [usize; 2]) -> Result<Tensor> {
    let (batch, heads, _, width) = x.dims4()?;
    x.transpose(1, 2)?.contiguous()?.reshape((batch, size[0], size[1], heads * width))
}

/// Split in heads, every vector of length one.
pub fn directions(x: &Tensor, heads: usize) -> Result<Tensor> {
    apply(Normalize, &[&split(x, heads)?])
}

pub fn sigmoid(x: &Tensor) -> Result<Tensor> {
    (x.neg()?.exp()? + 1.0)?.recip()
}
