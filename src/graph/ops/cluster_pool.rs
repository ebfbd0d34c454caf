//! Pooling by clusters: every pixel joins the center most similar to it (cosine, all centers of the
//! map, single head, lowest index on ties), and a center becomes the mean of itself and its pixels:
//! `(sum over its pixels of v_n + z_m) / (count + 1)`.
//!
//! Inputs: what is compared, `[B, H, W, D]`, and what is pooled, `[B, H, W, C]` (one value may be
//! both); the centers are their adaptive averages. Result `[B, gh, gw, C]`. No gradient passes the
//! choice.

use super::{Mismatch, Operation, map_of};
use crate::graph::cost::Cost;
use crate::graph::{Size, Type, area, times};

#[derive(Debug, Clone, PartialEq)]
pub struct ClusterPool {
    pub grid: Size,
}

impl Operation for ClusterPool {
    fn name(&self) -> &'static str {
        "cluster_pool"
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        vec![("grid", times(self.grid))]
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        let (compared, _) = map_of(inputs, 0)?;
        let (pooled, channels) = map_of(inputs, 1)?;
        if compared != pooled {
            return Err(Mismatch::new("the two maps differ in size", &[0, 1]));
        }
        Ok(Type::map(self.grid, channels))
    }

    fn cost(&self, inputs: &[&Type], output: &Type) -> Cost {
        let macs = inputs[0].elements() * area(self.grid);
        // ptflops sees two functional adaptive poolings, one per input element each.
        let ptflops = macs + inputs[0].elements() + inputs[1].elements();
        Cost { macs, ptflops, saved: 2 * output.elements() }
    }
}
