//! Layer scale: a learnable factor per channel, `y = x w`, on what a residual connection adds.
//!
//! Derivative: `dx = g w`, `dw = sum over pixels (and images) of g x`.

use super::{Mismatch, Operation};
use crate::graph::{Init, Layout, ParamSpec, Type};

#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    /// What every factor begins with.
    pub start: f64,
}

impl Operation for Scale {
    fn name(&self) -> &'static str {
        "scale"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        match inputs[0] {
            Type::Tensor(_) => Ok(inputs[0].clone()),
            other => Err(Mismatch::new(format!("a tensor is needed here, not {other}"), &[0])),
        }
    }

    fn cheap(&self) -> bool {
        true
    }

    fn params(&self, inputs: &[&Type]) -> Vec<ParamSpec> {
        vec![ParamSpec {
            name: "weight",
            published: "",
            shape: vec![inputs[0].channels().unwrap_or(0)],
            init: Init::Constant(self.start),
            layout: Layout::Same,
        }]
    }
}
