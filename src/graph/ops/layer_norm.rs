//! Layer norm over the last dimension: biased variance, eps 1e-5, affine.

use super::{Mismatch, Operation};
use crate::graph::{Init, Layout, ParamSpec, Type};

#[derive(Debug, Clone, PartialEq)]
pub struct LayerNorm;

impl LayerNorm {
    pub const EPS: f64 = 1e-5;
}

impl Operation for LayerNorm {
    fn name(&self) -> &'static str {
        "layer_norm"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        match inputs[0] {
            Type::Tensor(_) => Ok(inputs[0].clone()),
            other => Err(Mismatch::new(format!("a tensor is needed here, not {other}"), &[0])),
        }
    }

    fn accumulates(&self) -> bool {
        true
    }

    fn cheap(&self) -> bool {
        true
    }

    fn params(&self, inputs: &[&Type]) -> Vec<ParamSpec> {
        let shape = vec![inputs[0].channels().unwrap_or(0)];
        [("weight", 1.0), ("bias", 0.0)]
            .map(|(name, value)| ParamSpec {
                name,
                published: name,
                shape: shape.clone(),
                init: Init::Constant(value),
                layout: Layout::Same,
            })
            .to_vec()
    }
}
