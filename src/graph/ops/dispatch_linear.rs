//! A hard dispatch and the linear layer behind it as one op: as a pixel gets a scaled center of each
//! head, the layer may be applied to the centers before they return to the pixels, of which there
//! are many more. A pass makes it of the two.
//!
//! Inputs: a hard assignment and centers `[B, gh, gw, A]`; result `[B, H, W, out]`. Parameters:
//! weight `[A, out]` and bias of the layer.

use super::{Dispatch, Mismatch, Operation};
use crate::graph::cost::Cost;
use crate::graph::{Choice, Type, area};

#[derive(Debug, Clone, PartialEq)]
pub struct DispatchLinear {
    pub out: usize,
}

impl DispatchLinear {
    /// Whether it pays: a number gathered costs about as much as four in a product, and a gain below
    /// a half is none.
    pub fn pays(assignment: &Type, centers: &Type) -> bool {
        let Type::Assignment { map, grid, heads, choice: Choice::Hard } = assignment else {
            return false;
        };
        let channels = centers.channels().unwrap_or(0) as u64;
        let fused = area(*grid) * channels + 4 * area(*map) * *heads as u64;
        2 * fused <= area(*map) * channels
    }

    /// Multiply-accumulates: every center through its head's part of the layer, then one number per
    /// pixel, head and output.
    fn steps(&self, inputs: &[&Type]) -> [u64; 2] {
        let Type::Assignment { map, heads, .. } = inputs[0] else { return [0, 0] };
        let out = self.out as u64;
        [inputs[1].elements() * out, area(*map) * *heads as u64 * out]
    }
}

impl Operation for DispatchLinear {
    fn name(&self) -> &'static str {
        "dispatch_linear"
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        vec![("out", self.out.to_string())]
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        let dispatched = Dispatch.infer(inputs)?;
        match (inputs[0], dispatched.as_map()) {
            (Type::Assignment { choice: Choice::Hard, .. }, Some((map, _))) => {
                Ok(Type::map(map, self.out))
            }
            (other, _) => {
                Err(Mismatch::new(format!("a hard assignment is needed here, not {other}"), &[0]))
            }
        }
    }

    fn products(&self) -> &'static [usize] {
        &[0]
    }

    fn beside_products(&self, inputs: &[&Type], backward: bool) -> u64 {
        let [_, gathered] = self.steps(inputs);
        if backward { 2 * gathered } else { gathered }
    }

    fn cost(&self, inputs: &[&Type], _: &Type) -> Cost {
        Cost { macs: self.steps(inputs).iter().sum(), ptflops: 0 }
    }

    /// Two for each of its steps, and the layer again.
    fn gradient_macs(&self, inputs: &[&Type], _: &[bool]) -> u64 {
        let [layer, gathered] = self.steps(inputs);
        3 * layer + 2 * gathered
    }
}
