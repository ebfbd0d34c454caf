//! One result of a node that has several.

use super::{Mismatch, Operation};
use crate::graph::Type;

#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    pub index: usize,
}

impl Operation for Part {
    fn name(&self) -> &'static str {
        "part"
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        vec![("index", self.index.to_string())]
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        match inputs[0] {
            Type::Tuple(types) if self.index < types.len() => Ok(types[self.index].clone()),
            other => Err(Mismatch::new(format!("{other} has no part {}", self.index), &[0])),
        }
    }
}
