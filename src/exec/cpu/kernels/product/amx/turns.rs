//! The order of work: while the unit sums, what it reads next is split into parts, and what it summed
//! before is written.

use super::registers::Registers;
use super::tile::{DEPTH, Operand, Parts, Row, SIDE, Sums, TURNS, WIDE, sums};
use crate::exec::cpu::kernels::product::MatrixMut;
use crate::exec::cpu::kernels::simd::prefetch;

/// Longest part of the sums done at once, in 32 steps each: with it, what is in use stays in the first
/// cache.
pub const STEPS: usize = 5;
/// Rows of a turn.
pub const LINES: usize = WIDE / TURNS;
/// Places for the fresh operand.
pub type Fresh<const P: usize> = [Parts<WIDE, P>; STEPS];

/// A product, 32 by 32 sums at a time. One operand is split into parts as it is needed, the fresh one;
/// the other one is ready.
pub trait Work<const P: usize> {
    /// Rows and columns that are left from block `fresh` of the one operand and block `ready` of the
    /// other on, in the order left and right.
    fn room(&self, fresh: usize, ready: usize) -> [usize; 2];

    /// The operands in the same order, `fresh` being the one that is split.
    fn operands(&self, fresh: Operand, ready: usize) -> [Operand; 2];

    /// Splits 32 steps of a block of the fresh operand, some of it each turn.
    fn fill(&mut self, to: &mut Parts<WIDE, P>, fresh: usize, step: usize, turn: usize);

    /// The result, and the row and column of it where the sums of two blocks begin.
    fn place(&self, fresh: usize, ready: usize) -> (&MatrixMut<'_>, [usize; 2]);

    /// Writes some sums, some of them each turn.
    fn write(&mut self, sums: &Sums, fresh: usize, ready: usize, turn: usize);
}

/// The parts of sums over so many numbers: the first of the steps, 32 each, and how many there are.
#[inline(always)]
pub fn parts(depth: usize) -> impl Iterator<Item = [usize; 2]> {
    let all = depth.div_ceil(DEPTH);
    let most = all.div_ceil(all.div_ceil(STEPS).max(1)).max(1);
    (0..all).step_by(most).map(move |first| [first, most.min(all - first)])
}

/// Thirty-two rows or columns, split.
#[inline(always)]
pub fn operand<const P: usize>(places: &[Parts<WIDE, P>]) -> Operand {
    let start: *const Row = places.as_ptr().cast();
    let halves = [start, start.wrapping_add(SIDE)];
    Operand { halves, part: WIDE, first: 0, mask: usize::MAX }
}

/// Asks for some rows of a block of the result, where sums are soon written.
#[inline(always)]
fn fetch((result, [top, left]): (&MatrixMut, [usize; 2]), turn: usize) {
    for row in top + LINES * turn..top + LINES * (turn + 1) {
        for column in [left, left + SIDE] {
            prefetch(result.at(row, column));
        }
    }
}

/// All blocks of both operands, over `steps` times 32 steps.
#[inline(always)]
pub fn run<const P: usize>(
    registers: &mut impl Registers,
    work: &mut impl Work<P>,
    places: &mut Fresh<P>,
    [fresh, ready]: [usize; 2],
    steps: usize,
) {
    if fresh == 0 || ready == 0 {
        return;
    }
    for turn in 0..TURNS {
        work.fill(&mut places[0], 0, 0, turn);
    }
    let mut results = [Sums([[0.0; WIDE]; WIDE]); 2];
    let [mut now, mut before] = results.each_mut();
    let mut unwritten = None;
    let mut operand = operand(places);
    // Where steps are read once or there is only one, two places take turns.
    let two = ready == 1 || steps == 1;
    if two {
        operand.mask = 1;
    }
    for block in 0..fresh {
        for other in 0..ready {
            operand.first = if two { block * steps } else { 0 };
            let operands = work.operands(operand, other);
            let halves = work.room(block, other).map(|room| room > SIDE);
            // SAFETY: both operands have so many steps.
            unsafe {
                sums::<P>(
                    registers,
                    operands,
                    halves,
                    steps,
                    now,
                    #[inline(always)]
                    |step, turn| {
                        if step + 1 == steps {
                            fetch(work.place(block, other), turn);
                        }
                        if step == 0
                            && let Some((block, other)) = unwritten
                        {
                            work.write(before, block, other, turn);
                        }
                        let [block, step] = if other == 0 && step + 1 < steps {
                            [block, step + 1]
                        } else if other + 1 == ready && step + 1 == steps && block + 1 < fresh {
                            [block + 1, 0]
                        } else {
                            return;
                        };
                        let place = if two { (block * steps + step) & 1 } else { step };
                        work.fill(&mut places[place], block, step, turn);
                    },
                );
            }
            unwritten = Some((block, other));
            std::mem::swap(&mut now, &mut before);
        }
    }
    for turn in 0..TURNS {
        work.write(before, fresh - 1, ready - 1, turn);
    }
}
