//! GELU in its exact form, `x Phi(x)`.

use super::{Mismatch, Operation};
use crate::graph::Type;
use crate::graph::cost::Cost;

#[derive(Debug, Clone, PartialEq)]
pub struct Gelu;

impl Operation for Gelu {
    fn name(&self) -> &'static str {
        "gelu"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        Ok(inputs[0].clone())
    }

    fn cheap(&self) -> bool {
        true
    }

    fn cost(&self, _: &[&Type], output: &Type) -> Cost {
        Cost { ptflops: 2 * output.elements(), ..Cost::default() }
    }
}
