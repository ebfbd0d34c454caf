//! Centers become the mean of themselves and the pixels that chose them:
//! `(sum over its pixels of v_n + z_m) / (count + 1)`.
//!
//! Inputs: an index per pixel, and what is pooled, `[B, H, W, C]`, whose adaptive averages on the
//! grid are the centers `z`. Result `[B, gh, gw, C]`.

use super::{Flow, Mismatch, Operation, Reads, map_of};
use crate::graph::cost::Cost;
use crate::graph::{Type, times};

#[derive(Debug, Clone, PartialEq)]
pub struct ClusterMean;

impl Operation for ClusterMean {
    fn name(&self) -> &'static str {
        "cluster_mean"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        let Type::Index { map, grid } = inputs[0] else {
            let message = format!("an index per pixel is needed here, not {}", inputs[0]);
            return Err(Mismatch::new(message, &[0]));
        };
        let (pooled, channels) = map_of(inputs, 1)?;
        if pooled != *map {
            let message =
                format!("pixels of a {} map are chosen, and these are {}", times(*map), times(pooled));
            return Err(Mismatch::new(message, &[0, 1]));
        }
        Ok(Type::map(*grid, channels))
    }

    fn flow(&self, input: usize) -> Flow {
        match input {
            0 => Flow::Blocked("an index has no slope"),
            _ => Flow::Through,
        }
    }

    fn reads(&self) -> Reads {
        Reads { inputs: 1, result: false }
    }

    fn cost(&self, inputs: &[&Type], _: &Type) -> Cost {
        // ptflops sees a functional adaptive pooling, one per input element.
        Cost { macs: 0, ptflops: inputs[1].elements() }
    }
}
