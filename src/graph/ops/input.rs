//! The images: normalized, channels last.

use super::{Mismatch, Operation};
use crate::graph::{Size, Type, times};

#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    pub size: Size,
}

impl Operation for Input {
    fn name(&self) -> &'static str {
        "input"
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        vec![("size", times(self.size))]
    }

    fn infer(&self, _: &[&Type]) -> Result<Type, Mismatch> {
        Ok(Type::map(self.size, 3))
    }
}
