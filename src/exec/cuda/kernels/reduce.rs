//! Sums in a fixed order: of partial sums, and of the rows of a gradient (that of a bias).

use super::{Room, THREADS};
use crate::exec::cuda::tape::{Pointer, Source, Tape, Unit, args, source};

pub static SOURCE: Source = source!("reduce");

/// The sum of the rows of `partial [rows, n]`, into `sum [n]` or, with `add`, on top of it.
pub fn fold(tape: &mut Tape, partial: Pointer, sum: Pointer, [rows, n]: [usize; 2], add: bool) {
    let (entry, blocks) = if n < 32 { ("fold_narrow", n) } else { ("fold", n.div_ceil(32)) };
    let args = args![partial, sum, rows, n, add];
    tape.launch(Unit::new(&SOURCE, &[]), entry, [blocks, 1], THREADS, args);
}

/// The gradient of a bias: column sums of `g [rows, n]`.
#[derive(Debug, Clone, Copy)]
pub struct Columns {
    pub rows: usize,
    pub n: usize,
}

impl Columns {
    fn parts(&self) -> usize {
        self.rows.div_ceil(64).min(256)
    }

    fn room(&self, scratch: Pointer) -> (Room, Pointer) {
        let mut room = Room::new(scratch);
        let partial = room.floats(self.parts() * self.n);
        (room, partial)
    }

    pub fn scratch(&self) -> usize {
        self.room(Pointer::NULL).0.used
    }

    /// `sum [n]` in `f32`, or on top of it.
    pub fn sum(&self, tape: &mut Tape, g: Pointer, sum: Pointer, add: bool, scratch: Pointer) {
        let (_, partial) = self.room(scratch);
        let grid = [self.n.div_ceil(32), self.parts()];
        let args = args![g, partial, self.rows, self.n];
        tape.launch(Unit::new(&SOURCE, &[]), "columns", grid, THREADS, args);
        fold(tape, partial, sum, [self.parts(), self.n], add);
    }
}
