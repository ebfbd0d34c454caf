//! Layer norm over rows of `width` numbers: biased variance, eps 1e-5, affine.

use super::reduce::{Sum, fold};
use super::{Room, THREADS, together};
use crate::exec::cuda::tape::{Pointer, Precision, Source, Tape, Unit, args, source};

pub static SOURCE: Source = source!("layer_norm");

#[derive(Debug, Clone, Copy)]
pub struct LayerNorm {
    pub rows: usize,
    pub width: usize,
}

impl LayerNorm {
    /// How a row is shared: numbers that are read at once, lanes, and how often each of them reads. A
    /// narrow row takes a few lanes, so that a warp reads whole lines of memory.
    fn split(&self, precision: Precision) -> [usize; 3] {
        let width = self.width;
        let most = (width / 16).max(8);
        let wide = together(width, precision);
        let exact = std::iter::successors(Some(wide), |wide| Some(wide / 2).filter(|w| *w > 0));
        let mut exact = exact.map(|wide| {
            let lanes = 1 << (width / wide).trailing_zeros().min(5);
            [wide, lanes, width / wide / lanes]
        });
        let fits = exact.find(|[wide, _, per]| wide * per <= most);
        fits.unwrap_or([wide, 32, (width / wide).div_ceil(32)])
    }

    fn unit(&self, precision: Precision) -> Unit {
        let [wide, lanes, per] = self.split(precision);
        let constants = [
            ("THREADS", THREADS),
            ("C", self.width),
            ("WIDE", wide),
            ("LANES", lanes),
            ("PER", per),
        ];
        Unit::new(&SOURCE, &constants)
    }

    /// At most that many: a part has whole blocks of rows.
    fn parts(&self) -> usize {
        self.rows.div_ceil(THREADS / 32).min(512)
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
        let [_, lanes, _] = self.split(tape.precision);
        let grid = [self.rows.div_ceil(THREADS / lanes), 1];
        tape.launch(self.unit(tape.precision), "layer_norm_forward", grid, THREADS, args);
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
        let unit = self.unit(tape.precision);
        tape.launch(unit, "layer_norm_backward", [self.parts(), 1], THREADS, args);
        let (rows, n) = (self.parts(), self.width);
        let sums = [
            Sum { partial: weights, sum: gweight, rows, n },
            Sum { partial: biases, sum: gbias, rows, n },
        ];
        fold(tape, &sums);
    }
}
