//! Centers become the mean of themselves and the pixels that belong to them, head by head:
//! `c_m = (sum over n of a_nm v_n + z_m) / (sum over n of b_nm + 1)`, where `a` and `b` are how much
//! of pixel `n` center `m` has (`s_nm`, 0 for a center not chosen), or whether it has it (`1`).
//!
//! Inputs: who belongs to whom, an assignment or an index per pixel; what is pooled,
//! `[B, H, W, C]`; the centers' own `z`, `[B, gh, gw, C]`, which may be left out: then they are the
//! adaptive averages of what is pooled on the grid. Result `[B, gh, gw, C]`.
//!
//! Derivative, with `g` that of the result and `D_m` the divisor: `dz_m = g_m / D_m`;
//! `dv_n = sum over m of a_nm g_m / D_m` (and, without a third input, that of the averages from `dz`);
//! `ds_nm = v_n g_m / D_m` where only `a` is the similarity, `(v_n - c_m) g_m / D_m` where both are,
//! of the chosen center where one is chosen.

use super::{Flow, Mismatch, Operation, Reads, head_width, map_of};
use crate::graph::cost::Cost;
use crate::graph::{Choice, Size, Type, area, times};

#[derive(Debug, Clone, PartialEq)]
pub struct ClusterMean {
    pub weighing: Weighing,
}

/// What a pixel counts in its center.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weighing {
    /// One, above and below (FEC, improved cluster pooling): no gradient passes the assignment.
    Mean,
    /// Its similarity, above and below (Context-Cluster).
    Weighted,
    /// Its similarity above, one below (ClusterFormer).
    Mixed,
}

impl Operation for ClusterMean {
    fn name(&self) -> &'static str {
        "cluster_mean"
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        match self.weighing {
            Weighing::Mean => Vec::new(),
            Weighing::Weighted => vec![("weighing", "weighted".to_string())],
            Weighing::Mixed => vec![("weighing", "mixed".to_string())],
        }
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        let (map, grid, heads) = self.belonging(inputs[0])?;
        let (pooled, channels) = map_of(inputs, 1)?;
        if pooled != map {
            let message =
                format!("pixels of a {} map are chosen, and these are {}", times(map), times(pooled));
            return Err(Mismatch::new(message, &[0, 1]));
        }
        head_width(channels, heads, 1)?;
        let centers = Type::map(grid, channels);
        match inputs.get(2) {
            Some(&own) if *own != centers => {
                Err(Mismatch::new(format!("centers of {centers} are needed here, not {own}"), &[2]))
            }
            _ => Ok(centers),
        }
    }

    fn flow(&self, input: usize) -> Flow {
        match (input, self.weighing) {
            (0, Weighing::Mean) => Flow::Blocked("which pixels a center averages has no slope"),
            _ => Flow::Through,
        }
    }

    fn reads(&self) -> Reads {
        match self.weighing {
            Weighing::Mean => Reads { inputs: 1, result: false },
            Weighing::Weighted => Reads { inputs: 2, result: true },
            Weighing::Mixed => Reads { inputs: 2, result: false },
        }
    }

    fn cost(&self, inputs: &[&Type], _: &Type) -> Cost {
        let pooled = inputs[1].elements();
        let macs = match (self.weighing, inputs[0]) {
            (Weighing::Mean, _) => 0,
            (_, Type::Assignment { choice: Choice::Soft, grid, .. }) => pooled * area(*grid),
            _ => pooled,
        };
        // ptflops sees a functional adaptive pooling, one per input element.
        Cost { macs, ptflops: if inputs.len() == 2 { pooled } else { 0 } }
    }

    /// One for the pixels, one for their similarities, and one more where these divide.
    fn gradient_macs(&self, inputs: &[&Type], wants: &[bool]) -> u64 {
        let similarities = if self.weighing == Weighing::Weighted { 2 } else { 1 };
        let all = u64::from(wants[0]) * similarities + u64::from(wants[1]);
        all * self.cost(inputs, inputs[1]).macs
    }
}

impl ClusterMean {
    /// Map, grid and heads of an index or assignment.
    fn belonging(&self, ty: &Type) -> Result<(Size, Size, usize), Mismatch> {
        match *ty {
            Type::Index { map, grid } if self.weighing == Weighing::Mean => Ok((map, grid, 1)),
            Type::Assignment { choice: Choice::Soft, .. } if self.weighing != Weighing::Weighted => {
                Err(Mismatch::new("a soft assignment has no count of pixels", &[0]))
            }
            Type::Assignment { map, grid, heads, .. } => Ok((map, grid, heads)),
            _ => Err(Mismatch::new(format!("an assignment is needed here, not {ty}"), &[0])),
        }
    }
}
