//! Centers gather from all pixels: softmax over the pixels of every center's scores.

use super::heads::{directions, join, split};
use super::windows::mask;
use crate::graph::ops::{Attend, Score};
use candle_core::{D, DType, Result, Tensor};

/// Centers `[B, gh, gw, A]`, keys and values `[B, H, W, A]`; the temperature is a scalar.
pub fn attend(
    op: &Attend,
    centers: &Tensor,
    keys: &Tensor,
    values: &Tensor,
    temperature: Option<&Tensor>,
) -> Result<Tensor> {
    let (_, gh, gw, channels) = centers.dims4()?;
    let (_, h, w, _) = keys.dims4()?;
    let (query, key) = match (op.score, temperature) {
        (Score::Cosine { floor, .. }, Some(temperature)) => {
            let scale = bounded(temperature, floor)?.neg()?.exp()?;
            let query = directions(centers, op.heads)?.broadcast_mul(&scale)?;
            (query, directions(keys, op.heads)?)
        }
        _ => {
            let scale = 1.0 / ((channels / op.heads) as f64).sqrt();
            ((split(centers, op.heads)? * scale)?, split(keys, op.heads)?)
        }
    };
    let mut scores = query.matmul(&key.transpose(2, 3)?)?;
    let shut = [0.0, f64::NEG_INFINITY];
    if let Some(mask) = mask(op.windows, [h, w], [gh, gw], shut, scores.dtype())? {
        scores = scores.broadcast_add(&mask.t()?)?;
    }
    let largest = scores.max_keepdim(D::Minus1)?.detach();
    let weights = scores.broadcast_sub(&largest)?.exp()?;
    let total = weights.sum_keepdim(D::Minus1)?;
    let gathered = weights.matmul(&split(values, op.heads)?)?.broadcast_div(&total)?;
    join(&gathered, [gh, gw])
}

/// The logarithm of the temperature, not below that of the floor (taken in `f32`); a constant there.
fn bounded(temperature: &Tensor, floor: f64) -> Result<Tensor> {
    let bound = f64::from(floor.ln() as f32);
    if temperature.to_dtype(DType::F64)?.to_scalar::<f64>()? < bound {
        Tensor::new(bound, temperature.device())?.to_dtype(temperature.dtype())
    } else {
        Ok(temperature.clone())
    }
}
