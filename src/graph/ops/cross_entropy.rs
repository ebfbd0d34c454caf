//! Cross entropy of logits `[B, K]` and labels: one number per image. Its gradient is that of the
//! mean over the whole batch.

use super::{Flow, Mismatch, Operation};
use crate::graph::Type;
use smallvec::smallvec;

#[derive(Debug, Clone, PartialEq)]
pub struct CrossEntropy;

impl Operation for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross_entropy"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        match (inputs[0], inputs[1]) {
            (Type::Tensor(dims), Type::Labels) if dims.len() == 1 => Ok(Type::Tensor(smallvec![1])),
            (Type::Tensor(dims), _) if dims.len() == 1 => {
                Err(Mismatch::new(format!("labels are needed here, not {}", inputs[1]), &[1]))
            }
            _ => Err(Mismatch::new(format!("logits are needed here, not {}", inputs[0]), &[0])),
        }
    }

    fn flow(&self, input: usize) -> Flow {
        match input {
            0 => Flow::Through,
            _ => Flow::Blocked("a label has no slope"),
        }
    }
}
