//! Adaptive average pooling to a grid; its kernels stand with those of the other ops over maps.

use super::maps::Maps;
use super::{THREADS, blocks};
use crate::exec::cuda::tape::{Arg, Pointer, Tape, args};
use crate::graph::Size;

/// That many fill a data-center GPU.
const BLOCKS: usize = 256;

#[derive(Debug, Clone, Copy)]
pub struct AdaptivePool {
    pub maps: Maps,
    pub grid: Size,
}

impl AdaptivePool {
    /// `[images, rows, columns, channels]` to `[images, grid, channels]`.
    pub fn forward(&self, tape: &mut Tape, x: Pointer, y: Pointer) {
        let numbers = self.maps.images * self.grid[0] * self.grid[1] * self.maps.channels;
        let args = args![x, y, self.maps.images];
        // Few bins of many pixels: rather more threads than fewer loads.
        let mut wide = self.maps.wide(tape.precision);
        while wide > 1 && blocks(numbers / wide) < BLOCKS {
            wide /= 2;
        }
        self.run(tape, "adaptive_pool_forward", numbers, wide, args);
    }

    /// Overwrites `gx`, or `adds` to it.
    pub fn backward(&self, tape: &mut Tape, g: Pointer, gx: Pointer, adds: bool) {
        let numbers = self.maps.pixels() * self.maps.channels;
        let args = args![g, gx, self.maps.images, adds];
        let wide = self.maps.wide(tape.precision);
        self.run(tape, "adaptive_pool_backward", numbers, wide, args);
    }

    fn run(&self, tape: &mut Tape, entry: &'static str, numbers: usize, wide: usize, args: &[Arg]) {
        let unit = self.maps.unit(self.grid, wide);
        tape.launch(unit, entry, [blocks(numbers / wide), 1], THREADS, args);
    }
}
