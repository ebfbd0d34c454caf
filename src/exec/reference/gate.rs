//! The gate between a refined center and the pooled one: a perceptron per head.

use super::gelu::Gelu;
use super::heads::{join, sigmoid, split};
use super::kernel::apply;
use candle_core::{Result, Tensor};

/// Soft and local centers `[B, gh, gw, A]`; weights `[heads, in, out]`, biases `[heads, out]`.
pub fn gate(heads: usize, soft: &Tensor, local: &Tensor, params: &[Tensor]) -> Result<Tensor> {
    let [weight1, bias1, weight2, bias2] = params else {
        candle_core::bail!("a gate has four parameters")
    };
    let (_, gh, gw, _) = soft.dims4()?;
    let (s, l) = (split(soft, heads)?, split(local, heads)?);
    let layer = |x: &Tensor, weight: &Tensor, bias: &Tensor| {
        let batch = x.dim(0)?;
        let (h, i, o) = weight.dims3()?;
        let weight = weight.unsqueeze(0)?.broadcast_as((batch, h, i, o))?.contiguous()?;
        x.matmul(&weight)?.broadcast_add(&bias.unsqueeze(1)?)
    };
    let hidden = layer(&Tensor::cat(&[&s, &l], 3)?, weight1, bias1)?;
    let share = sigmoid(&layer(&apply(Gelu, &[&hidden])?, weight2, bias2)?)?;
    let fused = (&s + (&l - &s)?.broadcast_mul(&share)?)?;
    join(&fused, [gh, gw])
}
