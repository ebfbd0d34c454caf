//! Every pixel's most similar center: the largest cosine over all channels among all centers of the
//! map (with windows: of the pixel's own window), the lowest index on ties.
//!
//! Input: what is compared, `[B, H, W, C]`; the centers are its adaptive averages on the grid.
//! Result: an index per pixel, which carries no gradient.

use super::{Flow, Mismatch, Operation, Windows, map_of};
use crate::graph::cost::Cost;
use crate::graph::{Size, Type, area, times};

#[derive(Debug, Clone, PartialEq)]
pub struct Nearest {
    pub grid: Size,
    pub windows: Windows,
}

impl Operation for Nearest {
    fn name(&self) -> &'static str {
        "nearest"
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        std::iter::once(("grid", times(self.grid))).chain(self.windows.attribute()).collect()
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        let (map, _) = map_of(inputs, 0)?;
        self.windows.check(map, self.grid, &[0])?;
        Ok(Type::Index { map, grid: self.grid })
    }

    fn flow(&self, _: usize) -> Flow {
        Flow::Blocked("which center is nearest has no slope")
    }

    fn cost(&self, inputs: &[&Type], _: &Type) -> Cost {
        let macs = inputs[0].elements() * area(self.windows.of(self.grid));
        // ptflops sees a functional adaptive pooling, one per input element.
        Cost { macs, ptflops: macs + inputs[0].elements() }
    }
}
