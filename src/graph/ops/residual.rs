//! A residual connection with stochastic depth: `x + drop(branch)`, where drop path removes the
//! branch of whole images in training and divides the kept ones by the probability of keeping.

use super::{Flow, Mismatch, Operation, Reads};
use crate::graph::Type;

#[derive(Debug, Clone, PartialEq)]
pub struct Residual {
    /// Probability of dropping, in [0, 1).
    pub rate: f64,
    /// Which drop path this is: its random numbers are keyed by it.
    pub site: u64,
}

impl Operation for Residual {
    fn name(&self) -> &'static str {
        "residual"
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        vec![("rate", format!("{:.6}", self.rate))]
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        if inputs[0] != inputs[1] {
            let message = format!("{} and {} can not be added", inputs[0], inputs[1]);
            return Err(Mismatch::new(message, &[0, 1]));
        }
        Ok(inputs[0].clone())
    }

    fn flow(&self, input: usize) -> Flow {
        match input {
            0 => Flow::Unchanged,
            _ => Flow::Through,
        }
    }

    fn reads(&self) -> Reads {
        Reads::NOTHING
    }
}
