//! Group norm with one group: the mean and the biased variance (eps 1e-5) are those of the whole map
//! of an image, weight and bias those of a channel. `y = (x - mean) / sqrt(variance + eps) w + b`,
//! `[B, H, W, C] -> [B, H, W, C]`.
//!
//! Derivative, as of layer norm with the map as its one row: with `n = (x - mean) / deviation` and
//! `g' = g w`, `dx = (g' - mean(g') - n mean(g' n)) / deviation`, means over the map;
//! `dw = sum over pixels (and images) of g n`, `db = sum of g`.

use super::{LayerNorm, Mismatch, Operation, map_of};
use crate::graph::{ParamSpec, Type};

#[derive(Debug, Clone, PartialEq)]
pub struct GroupNorm;

impl GroupNorm {
    pub const EPS: f64 = LayerNorm::EPS;
}

impl Operation for GroupNorm {
    fn name(&self) -> &'static str {
        "group_norm"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        map_of(inputs, 0)?;
        Ok(inputs[0].clone())
    }

    fn cheap(&self) -> bool {
        true
    }

    fn params(&self, inputs: &[&Type]) -> Vec<ParamSpec> {
        LayerNorm.params(inputs)
    }
}
