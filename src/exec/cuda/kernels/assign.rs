//! Every pixel finds its center: hard, an index and a similarity per pixel and head; soft, all
//! similarities over their sum.

use super::reduce::{Sum, fold};
use super::{Room, shares};
use crate::exec::cuda::tape::{Pointer, Source, Tape, Unit, args, source};

pub static SOURCE: Source = source!("assign");

/// Threads of a block at most.
const THREADS: usize = 128;
/// Floats of centers a block may hold: 40 KiB, in bytes over four.
const SHARED: usize = 10 << 10;

#[derive(Debug, Clone, Copy)]
pub struct Assign {
    pub images: usize,
    pub centers: usize,
    pub pixels: usize,
    pub heads: usize,
    /// Width of a head.
    pub width: usize,
}

/// What both passes read: queries `[images, centers, heads, width]`, keys
/// `[images, pixels, heads, width]`, and one number each.
#[derive(Debug, Clone, Copy)]
pub struct Operands {
    pub queries: Pointer,
    pub keys: Pointer,
    pub alpha: Pointer,
    pub beta: Pointer,
}

impl Assign {
    fn unit(&self) -> Unit {
        let constants = [
            ("THREADS", self.threads()),
            ("M", self.centers),
            ("N", self.pixels),
            ("HEADS", self.heads),
            ("D", self.width),
            ("SHARES", self.shares()),
            ("GROUP", (SHARED / (self.width + 4)).clamp(1, 32)),
        ];
        Unit::new(&SOURCE, &constants)
    }

    /// Of a block; a thread has a pixel, or some warps a center.
    fn threads(&self) -> usize {
        self.pixels.next_multiple_of(32).min(THREADS)
    }

    fn shares(&self) -> usize {
        shares(self.pixels, self.heads * self.centers, self.width, self.threads())
    }

    fn groups(&self) -> usize {
        self.images * self.heads
    }

    fn over_pixels(&self) -> [usize; 2] {
        [self.groups(), self.pixels.div_ceil(self.threads())]
    }

    fn over_centers(&self) -> [usize; 2] {
        [self.groups(), (self.centers * self.shares()).div_ceil(self.threads() / 32)]
    }

    fn room(&self, soft: bool, scratch: Pointer) -> (Room, [Pointer; 3]) {
        let mut room = Room::new(scratch);
        let parts = self.over_pixels()[0] * self.over_pixels()[1];
        let slopes = if soft { self.groups() * self.pixels * self.centers } else { 0 };
        let parts = [parts, parts, slopes].map(|count| room.floats(count));
        (room, parts)
    }

    pub fn scratch(&self, soft: bool) -> usize {
        self.room(soft, Pointer::NULL).0.used
    }

    /// `index` (`u32`) and `value` (`f32`), `[images, pixels, heads]`.
    pub fn hard(&self, tape: &mut Tape, o: &Operands, index: Pointer, value: Pointer) {
        let args = args![o.queries, o.keys, o.alpha, o.beta, index, value];
        tape.launch(self.unit(), "assign_hard_forward", self.over_pixels(), self.threads(), args);
    }

    /// From `g`, the gradient of the values, those of the operands.
    pub fn hard_backward(
        &self,
        tape: &mut Tape,
        o: &Operands,
        [index, value, g]: [Pointer; 3],
        to: &Operands,
        scratch: Pointer,
    ) {
        let (_, [alphas, betas, _]) = self.room(false, scratch);
        let args = args![o.queries, o.keys, o.alpha, index, value, g, to.keys, alphas, betas];
        tape.launch(
            self.unit(),
            "assign_hard_backward_keys",
            self.over_pixels(),
            self.threads(),
            args,
        );
        let args = args![o.queries, o.keys, o.alpha, index, value, g, to.queries];
        let grid = self.over_centers();
        tape.launch(self.unit(), "assign_hard_backward_queries", grid, self.threads(), args);
        self.fold(tape, [alphas, betas], to);
    }

    /// `weights [images, pixels, heads, centers]`.
    pub fn soft(&self, tape: &mut Tape, o: &Operands, weights: Pointer) {
        let args = args![o.queries, o.keys, o.alpha, o.beta, weights];
        tape.launch(self.unit(), "assign_soft_forward", self.over_pixels(), self.threads(), args);
    }

    /// From `g`, the gradient of the weights, those of the operands.
    pub fn soft_backward(
        &self,
        tape: &mut Tape,
        o: &Operands,
        g: Pointer,
        to: &Operands,
        scratch: Pointer,
    ) {
        let (_, [alphas, betas, slopes]) = self.room(true, scratch);
        let args = args![o.queries, o.keys, o.alpha, o.beta, g, to.keys, slopes, alphas, betas];
        tape.launch(
            self.unit(),
            "assign_soft_backward_keys",
            self.over_pixels(),
            self.threads(),
            args,
        );
        let args = args![o.queries, o.keys, slopes, to.queries];
        let grid = self.over_centers();
        tape.launch(self.unit(), "assign_soft_backward_queries", grid, self.threads(), args);
        self.fold(tape, [alphas, betas], to);
    }

    fn fold(&self, tape: &mut Tape, [alphas, betas]: [Pointer; 2], to: &Operands) {
        let rows = self.over_pixels()[0] * self.over_pixels()[1];
        let sums = [
            Sum { partial: alphas, sum: to.alpha, rows, n: 1 },
            Sum { partial: betas, sum: to.beta, rows, n: 1 },
        ];
        fold(tape, &sums);
    }
}
