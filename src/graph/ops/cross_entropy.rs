//! Cross entropy of logits `[B, K]` and what the images show: one number per image. Its gradient is
//! that of the mean over the whole batch.
//!
//! What an image is compared with is `(1 - s) ((1 - q) onehot(a) + q onehot(b)) + s / K`: `s` is the
//! smoothing, `a` its label, `b` the label of the smaller part of an image mixed of two and `q` that
//! part's share. It is never written out: two labels and a share say it.

use super::{Flow, Mismatch, Operation};
use crate::graph::Type;
use smallvec::smallvec;

#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CrossEntropy {
    /// What all classes share equally of an image.
    pub smoothing: f64,
    /// Whether images may be mixed of two.
    pub mixed: bool,
}

impl Operation for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross_entropy"
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        let smoothing = (self.smoothing > 0.0).then(|| ("smoothing", self.smoothing.to_string()));
        let mixed = self.mixed.then(|| ("mixed", "on".to_string()));
        smoothing.into_iter().chain(mixed).collect()
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
