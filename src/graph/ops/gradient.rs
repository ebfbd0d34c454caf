//! The derivative of another op: gradients with respect to its inputs, and with respect to its
//! parameters, which are added to theirs.
//!
//! Inputs: what the op says its gradient reads, then the gradient of its result (none for a loss,
//! where gradients begin), then the gradient that its one result is added to, if there is one. One
//! result for every input wanted: by itself, or several as a tuple.

use super::{Mismatch, Op, Operation};
use crate::graph::cost::Cost;
use crate::graph::{Few, Type, Value};
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq)]
pub struct Gradient {
    pub of: Arc<Op>,
    /// The types of its inputs.
    pub inputs: Arc<[Type]>,
    /// With respect to which inputs.
    pub wants: Few<bool>,
    /// Whether its one result is added to a gradient from elsewhere, the last input.
    pub onto: bool,
}

/// The inputs of a gradient node by what they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Operands {
    /// Inputs of the op, as far as they are read.
    pub inputs: Vec<Value>,
    pub result: Option<Value>,
    /// With respect to the result of the op.
    pub gradient: Option<Value>,
    /// What its result is added to.
    pub onto: Option<Value>,
}

impl Gradient {
    /// Sorts the inputs of a node.
    pub fn operands(&self, inputs: &[Value]) -> Operands {
        let reads = self.of.reads();
        let (read, rest) = inputs.split_at(reads.inputs.min(self.inputs.len()));
        let (result, rest) = rest.split_at(usize::from(reads.result));
        Operands {
            inputs: read.to_vec(),
            result: result.first().copied(),
            gradient: rest.first().copied(),
            onto: rest.get(1).copied(),
        }
    }

    /// The types of its results.
    pub fn results(&self) -> Vec<Type> {
        let wanted = self.inputs.iter().zip(&self.wants).filter(|(_, wanted)| **wanted);
        wanted.map(|(ty, _)| ty.tangent()).collect()
    }
}

impl Operation for Gradient {
    fn name(&self) -> &'static str {
        "gradient"
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        let mut words = vec![("of", self.of.name().to_string())];
        words.extend(self.of.attributes());
        words.extend(self.onto.then(|| ("onto", "sum".to_string())));
        words
    }

    fn infer(&self, _: &[&Type]) -> Result<Type, Mismatch> {
        let mut results = self.results();
        Ok(match results.len() {
            1 => results.remove(0),
            _ => Type::Tuple(results),
        })
    }

    fn products(&self) -> &'static [usize] {
        self.of.products()
    }

    fn beside_products(&self, _: &[&Type], _: bool) -> u64 {
        self.of.beside_products(&self.inputs.iter().collect::<Vec<&Type>>(), true)
    }

    fn cost(&self, _: &[&Type], _: &Type) -> Cost {
        let inputs: Vec<&Type> = self.inputs.iter().collect();
        Cost { macs: self.of.gradient_macs(&inputs, &self.wants), ..Cost::default() }
    }
}
