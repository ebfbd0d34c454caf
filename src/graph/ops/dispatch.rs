//! Centers return to the pixels: `y_n = sum over m of s_mn c_m`, which for a hard assignment is a
//! gather scaled by the winning similarity.
//!
//! Inputs: an assignment and centers `[B, gh, gw, A]`; result `[B, H, W, A]` (paper equation 6).

use super::{Mismatch, Operation, head_width, map_of};
use crate::graph::cost::Cost;
use crate::graph::{Choice, Type, area, times};

#[derive(Debug, Clone, PartialEq)]
pub struct Dispatch;

impl Operation for Dispatch {
    fn name(&self) -> &'static str {
        "dispatch"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        let Type::Assignment { map, grid, heads, .. } = inputs[0] else {
            let message = format!("an assignment is needed here, not {}", inputs[0]);
            return Err(Mismatch::new(message, &[0]));
        };
        let (centers, channels) = map_of(inputs, 1)?;
        if centers != *grid {
            let message = format!(
                "the assignment is to {} centers, and these are {}",
                times(*grid),
                times(centers)
            );
            return Err(Mismatch::new(message, &[0, 1]));
        }
        head_width(channels, *heads, 1)?;
        Ok(Type::map(*map, channels))
    }

    fn cheap(&self) -> bool {
        true
    }

    fn cost(&self, inputs: &[&Type], output: &Type) -> Cost {
        let macs = match inputs[0] {
            Type::Assignment { choice: Choice::Soft, grid, .. } => output.elements() * area(*grid),
            _ => output.elements(),
        };
        Cost { macs, ptflops: 0 }
    }
}
