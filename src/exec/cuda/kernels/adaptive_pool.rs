//! Adaptive average pooling to a grid; its kernels stand with those of the other ops over maps.

use super::maps::Maps;
use super::{THREADS, blocks};
use crate::exec::cuda::tape::{Arg, Pointer, Tape, args};
use crate::graph::Size;

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
        self.run(tape, "adaptive_pool_forward", numbers, args);
    }

    /// Overwrites `gx`, or `adds` to it.
    pub fn backward(&self, tape: &mut Tape, g: Pointer, gx: Pointer, adds: bool) {
        let numbers = self.maps.pixels() * self.maps.channels;
        let args = args![g, gx, self.maps.images, adds];
        self.run(tape, "adaptive_pool_backward", numbers, args);
    }

    fn run(&self, tape: &mut Tape, entry: &'static str, numbers: usize, args: &[Arg]) {
        let threads = numbers / self.maps.wide(tape.precision);
        let unit = self.maps.unit(self.grid, tape.precision);
        tape.launch(unit, entry, [blocks(threads), 1], THREADS, args);
    }
}
