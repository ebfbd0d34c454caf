//! Layer norm over rows of `width` numbers: biased variance, eps 1e-5, affine.

use super::reduce::{Sum, fold};
use super::{Room, THREADS};
use crate::exec::cuda::tape::{Pointer, Source, Tape, Unit, args, source};

pub static SOURCE: Source = source!("layer_norm");

/// Rows a block takes at once: one a warp.
const ROWS: usize = THREADS / 32;

#[derive(Debug, Clone, Copy)]
pub struct LayerNorm {
    pub rows: usize,
    pub width: usize,
}

impl LayerNorm {
    fn unit(&self) -> Unit {
        Unit::new(&SOURCE, &[("THREADS", THREADS), ("C", self.width)])
    }

    fn parts(&self) -> usize {
        self.rows.div_ceil(ROWS).min(512)
    }

    fn room(&self, scratch: Pointer) -> (Room, [Pointer; 2]) {
        let mut room = Room::new(scratch);
        let partials = [0; 2].map(|_| room.floats(self.parts() * self.width));
        (room, partials)
    }

    pub fn scratch(&self) -> usize {
        self.room(Pointer::NULL).0.used
    }

    /// `x`, `y [rows, width]`, `weight`, `bias [width]`.
    pub fn forward(&self, tape: &mut Tape, x: Pointer, weight: Pointer, bias: Pointer, y: Pointer) {
        let args = args![x, weight, bias, y, self.rows];
        let grid = [self.rows.div_ceil(ROWS), 1];
        tape.launch(self.unit(), "layer_norm_forward", grid, THREADS, args);
    }

    /// From `g` the gradients of `x` (one that is there already it `adds` to), `weight` and `bias`.
    pub fn backward(
        &self,
        tape: &mut Tape,
        [x, weight, g]: [Pointer; 3],
        [gx, gweight, gbias]: [Pointer; 3],
        scratch: Pointer,
        adds: bool,
    ) {
        let (_, [weights, biases]) = self.room(scratch);
        let args = args![x, weight, g, gx, weights, biases, self.rows, adds];
        tape.launch(self.unit(), "layer_norm_backward", [self.parts(), 1], THREADS, args);
        let (rows, n) = (self.parts(), self.width);
        let sums = [
            Sum { partial: weights, sum: gweight, rows, n },
            Sum { partial: biases, sum: gbias, rows, n },
        ];
        fold(tape, &sums);
    }
}
