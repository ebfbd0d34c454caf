//! The optimizer's step: every parameter moves along its gradient (AdamW), once the gradients of the
//! whole batch are there and, if wanted, clipped.

use super::{Flow, Mismatch, Operation};
use crate::graph::Type;

#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// The largest norm of all gradients together.
    pub clip: Option<f64>,
}

impl Operation for Update {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        self.clip.iter().map(|norm| ("clip", norm.to_string())).collect()
    }

    fn infer(&self, _: &[&Type]) -> Result<Type, Mismatch> {
        Ok(Type::Tuple(Vec::new()))
    }

    fn flow(&self, _: usize) -> Flow {
        Flow::Blocked("training ends here")
    }
}
