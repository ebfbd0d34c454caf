//! The mean of two values of one shape: centers fused with fixed, equal weights.

use super::{Mismatch, Operation, Reads};
use crate::graph::Type;

#[derive(Debug, Clone, PartialEq)]
pub struct Blend;

impl Operation for Blend {
    fn name(&self) -> &'static str {
        "blend"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        if inputs[0] != inputs[1] {
            let message = format!("{} and {} can not be blended", inputs[0], inputs[1]);
            return Err(Mismatch::new(message, &[0, 1]));
        }
        Ok(inputs[0].clone())
    }

    fn reads(&self) -> Reads {
        Reads::NOTHING
    }
}
