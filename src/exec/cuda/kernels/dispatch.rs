//! Centers return to the pixels that chose them.

use super::{THREADS, blocks, shares, together};
use crate::exec::cuda::tape::{Pointer, Precision, Source, Tape, Unit, args, source};

pub static SOURCE: Source = source!("dispatch");

#[derive(Debug, Clone, Copy)]
pub struct Dispatch {
    pub images: usize,
    pub centers: usize,
    pub pixels: usize,
    pub heads: usize,
    /// Width of a head.
    pub width: usize,
}

impl Dispatch {
    /// Neighbors a thread of the hard forward pass has.
    fn wide(&self, precision: Precision) -> usize {
        together(self.width, precision)
    }

    fn unit(&self, precision: Precision) -> Unit {
        let constants = [
            ("THREADS", THREADS),
            ("M", self.centers),
            ("N", self.pixels),
            ("HEADS", self.heads),
            ("D", self.width),
            ("SHARES", self.shares()),
            ("WIDE", self.wide(precision)),
        ];
        Unit::new(&SOURCE, &constants)
    }

    fn shares(&self) -> usize {
        shares(self.pixels, self.heads * self.centers, self.width, THREADS)
    }

    fn values(&self) -> usize {
        self.images * self.pixels * self.heads
    }

    /// `centers [images, centers, heads, width]`, `y [images, pixels, heads, width]`.
    pub fn hard(
        &self,
        tape: &mut Tape,
        [index, value]: [Pointer; 2],
        centers: Pointer,
        y: Pointer,
    ) {
        let wide = self.wide(tape.precision);
        let grid = [blocks(self.values() * self.width / wide), 1];
        let args = args![index, value, centers, y, self.images];
        tape.launch(self.unit(tape.precision), "dispatch_hard_forward", grid, THREADS, args);
    }

    /// From `g`, the gradient of `y`, those of the values and of the centers.
    pub fn hard_backward(
        &self,
        tape: &mut Tape,
        [index, value]: [Pointer; 2],
        [centers, g]: [Pointer; 2],
        [gvalue, gcenters]: [Pointer; 2],
    ) {
        let grid = [blocks(self.values()), 1];
        let args = args![index, centers, g, gvalue, self.images];
        tape.launch(
            self.unit(tape.precision),
            "dispatch_hard_backward_values",
            grid,
            THREADS,
            args,
        );
        let warps = self.centers * self.shares();
        let grid = [self.images * self.heads, warps.div_ceil(THREADS / 32)];
        let args = args![index, value, g, gcenters];
        tape.launch(
            self.unit(tape.precision),
            "dispatch_hard_backward_centers",
            grid,
            THREADS,
            args,
        );
    }

    /// `weights [images, pixels, heads, centers]`.
    pub fn soft(&self, tape: &mut Tape, weights: Pointer, centers: Pointer, y: Pointer) {
        let grid = [blocks(self.values() * self.width), 1];
        let args = args![weights, centers, y, self.images];
        tape.launch(self.unit(tape.precision), "dispatch_soft_forward", grid, THREADS, args);
    }

    /// From `g`, the gradient of `y`, those of the weights and of the centers.
    pub fn soft_backward(
        &self,
        tape: &mut Tape,
        [weights, centers, g]: [Pointer; 3],
        [gweights, gcenters]: [Pointer; 2],
    ) {
        let grid = [blocks(self.values() * self.centers), 1];
        let args = args![centers, g, gweights, self.images];
        tape.launch(
            self.unit(tape.precision),
            "dispatch_soft_backward_weights",
            grid,
            THREADS,
            args,
        );
        let grid = [blocks(self.images * self.centers * self.heads * self.width), 1];
        let args = args![weights, g, gcenters, self.images];
        tape.launch(
            self.unit(tape.precision),
            "dispatch_soft_backward_centers",
            grid,
            THREADS,
            args,
        );
    }
}
