//! Sums in a fixed order: of partial sums, and of the rows of a gradient (that of a bias).

use super::THREADS;
use crate::exec::cuda::tape::{Arg, Pointer, Source, Tape, Unit, args, source};

pub static SOURCE: Source = source!("reduce");

/// The sum of the rows of `partial [rows, n]`, into `sum [n]`.
#[derive(Debug, Clone, Copy)]
pub struct Sum {
    pub partial: Pointer,
    pub sum: Pointer,
    pub rows: usize,
    pub n: usize,
}

impl Sum {
    /// The gradient of a weight of `n` numbers in its parts: behind each other at `partial`, or where there
    /// is but one, at once where it belongs.
    pub fn weight(partial: Pointer, sum: Pointer, rows: usize, n: usize) -> Sum {
        Sum { partial: if rows > 1 { partial } else { sum }, sum, rows, n }
    }

    const NONE: Sum = Sum { partial: Pointer::NULL, sum: Pointer::NULL, rows: 0, n: 0 };

    fn blocks(&self) -> usize {
        if self.n < 32 { self.n } else { self.n.div_ceil(32) }
    }
}

/// The place of so many floats, and from there on the next one's.
pub fn behind(next: &mut Pointer, floats: usize) -> Pointer {
    let here = *next;
    *next = here.plus(4 * floats);
    here
}

/// All of these sums, four a launch: a launch costs more than most of them. Where there is one part, which
/// is the sum, there is nothing to do.
pub fn fold(tape: &mut Tape, sums: &[Sum]) {
    let open = sums.iter().copied().filter(|sum| sum.n > 0 && sum.partial != sum.sum);
    for four in open.collect::<Vec<Sum>>().chunks(4) {
        let each = (0..4).map(|i| four.get(i).unwrap_or(&Sum::NONE));
        let args: Vec<Arg> =
            each.flat_map(|sum| args![sum.partial, sum.sum, sum.rows, sum.n].to_vec()).collect();
        let blocks = four.iter().map(Sum::blocks).sum();
        tape.launch(Unit::new(&SOURCE, &[]), "fold", [blocks, 1], THREADS, &args);
    }
}

/// The gradient of a bias: column sums of `g [rows, n]`.
#[derive(Debug, Clone, Copy)]
pub struct Columns {
    pub rows: usize,
    pub n: usize,
}

impl Columns {
    /// Rows that `partial` leaves.
    pub fn parts(&self) -> usize {
        self.rows.div_ceil(64).min(256)
    }

    /// Partial sums `[parts, n]` in `f32`.
    pub fn partial(&self, tape: &mut Tape, g: Pointer, partial: Pointer) {
        let grid = [self.n.div_ceil(32), self.parts()];
        let args = args![g, partial, self.rows, self.n];
        tape.launch(Unit::new(&SOURCE, &[]), "columns", grid, THREADS, args);
    }
}
