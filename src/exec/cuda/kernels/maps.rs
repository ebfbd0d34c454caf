//! Coordinates appended to a map, and the mean over its pixels.

use super::{THREADS, blocks, together};
use crate::exec::cuda::tape::{Pointer, Precision, Source, Tape, Unit, args, source};
use crate::graph::Size;

pub static SOURCE: Source = source!("maps");

/// Maps `[images, rows, columns, channels]`.
#[derive(Debug, Clone, Copy)]
pub struct Maps {
    pub images: usize,
    pub size: Size,
    pub channels: usize,
}

impl Maps {
    /// Neighbors a thread has in ops that mix no channels.
    pub(super) fn wide(&self, precision: Precision) -> usize {
        together(self.channels, precision)
    }

    pub(super) fn unit(&self, grid: Size, wide: usize) -> Unit {
        let ([h, w], [gh, gw]) = (self.size, grid);
        let constants = [
            ("THREADS", THREADS),
            ("H", h),
            ("W", w),
            ("C", self.channels),
            ("GH", gh),
            ("GW", gw),
            ("WIDE", wide),
        ];
        Unit::new(&SOURCE, &constants)
    }

    pub(super) fn pixels(&self) -> usize {
        self.images * self.size[0] * self.size[1]
    }

    fn run(
        &self,
        tape: &mut Tape,
        entry: &'static str,
        threads: usize,
        from: Pointer,
        to: Pointer,
    ) {
        let args = args![from, to, self.images];
        let unit = self.unit([1, 1], self.wide(tape.precision));
        tape.launch(unit, entry, [blocks(threads), 1], THREADS, args);
    }

    /// Appends the row and the column of every pixel, from -0.5 to 0.5.
    pub fn coordinates(&self, tape: &mut Tape, x: Pointer, y: Pointer) {
        self.run(tape, "coordinates_forward", self.pixels() * (self.channels + 2), x, y);
    }

    pub fn coordinates_backward(&self, tape: &mut Tape, g: Pointer, gx: Pointer) {
        self.run(tape, "coordinates_backward", self.pixels() * self.channels, g, gx);
    }

    /// `[images, rows, columns, channels] -> [images, channels]`.
    pub fn mean(&self, tape: &mut Tape, x: Pointer, y: Pointer) {
        self.run(tape, "mean_forward", self.images * self.channels, x, y);
    }

    pub fn mean_backward(&self, tape: &mut Tape, g: Pointer, gx: Pointer) {
        let threads = self.pixels() * self.channels / self.wide(tape.precision);
        self.run(tape, "mean_backward", threads, g, gx);
    }
}
