//! Parameters of an op that is never computed. Published modules keep layers that nothing reads, and
//! tables count them; kept here, they are counted, initialized, saved and never moved.
//!
//! No inputs; its result is nothing, and executors pass it over. No gradient reaches it.

use super::{Flow, Mismatch, Op, Operation};
use crate::graph::{ParamSpec, Type};

#[derive(Debug, Clone, PartialEq)]
pub struct Spare {
    pub of: Box<Op>,
    /// The types its inputs would have.
    pub inputs: Vec<Type>,
}

impl Operation for Spare {
    fn name(&self) -> &'static str {
        "spare"
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        let mut words = vec![("of", self.of.name().to_string())];
        words.extend(self.of.attributes());
        words
    }

    fn infer(&self, _: &[&Type]) -> Result<Type, Mismatch> {
        Ok(Type::Tuple(Vec::new()))
    }

    fn flow(&self, _: usize) -> Flow {
        Flow::Blocked("it is never computed")
    }

    fn params(&self, _: &[&Type]) -> Vec<ParamSpec> {
        let inputs: Vec<&Type> = self.inputs.iter().collect();
        self.of.params(&inputs)
    }
}
