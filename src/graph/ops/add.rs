//! The sum of two values of one shape: a residual connection.

use super::{Flow, Mismatch, Operation, Reads};
use crate::graph::Type;

#[derive(Debug, Clone, PartialEq)]
pub struct Add;

impl Operation for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        if inputs[0] != inputs[1] {
            let message = format!("{} and {} can not be added", inputs[0], inputs[1]);
            return Err(Mismatch::new(message, &[0, 1]));
        }
        Ok(inputs[0].clone())
    }

    fn flow(&self, _: usize) -> Flow {
        Flow::Unchanged
    }

    fn reads(&self) -> Reads {
        Reads::NOTHING
    }
}
