//! Stochastic depth: in training a whole image's branch is dropped with the given probability and
//! the kept ones divided by the probability of keeping; the identity in evaluation.

use super::{Mismatch, Operation, Reads};
use crate::graph::Type;

#[derive(Debug, Clone, PartialEq)]
pub struct DropPath {
    /// Probability of dropping, in [0, 1).
    pub rate: f64,
    /// Which of the model's drop paths this is: its random numbers are keyed by it.
    pub site: u64,
}

impl Operation for DropPath {
    fn name(&self) -> &'static str {
        "drop_path"
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        vec![("rate", format!("{:.6}", self.rate))]
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        Ok(inputs[0].clone())
    }

    fn reads(&self) -> Reads {
        Reads::NOTHING
    }
}
