//! Adaptive average pooling to a grid: per axis, bin `i` of `m` covers
//! `[floor(i n / m), ceil((i + 1) n / m))` of the `n` positions. A grid larger than the map repeats
//! positions.

use super::{Mismatch, Operation, Reads, map_of};
use crate::graph::cost::Cost;
use crate::graph::{Size, Type, times};

#[derive(Debug, Clone, PartialEq)]
pub struct AdaptivePool {
    pub grid: Size,
    /// How often ptflops counts an input element: twice for a module, once for a function.
    pub hooks: u64,
}

impl AdaptivePool {
    /// The positions `start..end` of every bin along one axis.
    pub fn bins(positions: usize, bins: usize) -> Vec<(usize, usize)> {
        (0..bins)
            .map(|i| (i * positions / bins, ((i + 1) * positions).div_ceil(bins)))
            .collect()
    }
}

impl Operation for AdaptivePool {
    fn name(&self) -> &'static str {
        "adaptive_pool"
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        vec![("grid", times(self.grid))]
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        let (_, channels) = map_of(inputs, 0)?;
        Ok(Type::map(self.grid, channels))
    }

    fn reads(&self) -> Reads {
        Reads::NOTHING
    }

    fn accumulates(&self) -> bool {
        true
    }

    fn cost(&self, inputs: &[&Type], _: &Type) -> Cost {
        Cost { ptflops: self.hooks * inputs[0].elements(), ..Cost::default() }
    }
}
