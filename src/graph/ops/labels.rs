//! The class of every image.

use super::{Flow, Mismatch, Operation};
use crate::graph::Type;

#[derive(Debug, Clone, PartialEq)]
pub struct Labels;

impl Operation for Labels {
    fn name(&self) -> &'static str {
        "labels"
    }

    fn infer(&self, _: &[&Type]) -> Result<Type, Mismatch> {
        Ok(Type::Labels)
    }

    fn flow(&self, _: usize) -> Flow {
        Flow::Blocked("a label has no slope")
    }
}
