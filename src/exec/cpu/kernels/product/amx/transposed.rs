//! `aᵀ · b`, summed over many rows.
//!
//! Rows are the steps of the sums. Of the matrix with more columns they are read as pairs, as they
//! are; the other one is transposed, and where that is `b` so is the result.

use super::pack::two_rows;
use super::parts::{first, pairs, transpose};
use super::registers::{Registers, Unit, WithRegisters};
use super::tile::{DEPTH, Operand, PARTS, Parts, SIDE, Sums, TURNS, WIDE};
use super::turns::{self, Fresh, STEPS, Work, operand};
use crate::exec::cpu::kernels::product::{Matrix, MatrixMut};
use crate::exec::cpu::kernels::tile::Lent;
use std::arch::x86_64::*;

/// Pairs of rows of a turn.
const PAIRS: usize = SIDE / TURNS;

/// Thirty-two columns of the operand that is transposed.
type Block<const P: usize> = [Parts<WIDE, P>; STEPS];

/// Floats of scratch for sums of `k` by `n`, in any precision.
pub fn scratch(k: usize, n: usize) -> usize {
    let blocks = k.min(n).div_ceil(WIDE) * floats::<Block<PARTS>>();
    Lent::needed(&[floats::<Fresh<PARTS>>(), blocks])
}

/// Floats of the size of something.
const fn floats<T>() -> usize {
    size_of::<T>() / size_of::<f32>()
}

/// `out += aᵀ · b`.
pub fn multiply_at_b(unit: Unit, a: Matrix, b: Matrix, out: MatrixMut, scratch: &mut [f32]) {
    match (a.columns > b.columns, unit.parts) {
        (true, 1) => unit.run(AtB::<true, 1> { a: b, b: a, out, scratch }),
        (true, _) => unit.run(AtB::<true, PARTS> { a: b, b: a, out, scratch }),
        (false, 1) => unit.run(AtB::<false, 1> { a, b, out, scratch }),
        (false, _) => unit.run(AtB::<false, PARTS> { a, b, out, scratch }),
    }
}

/// `out += aᵀ · b`, or its transpose if it is `TURNED`.
struct AtB<'a, const TURNED: bool, const P: usize> {
    a: Matrix<'a>,
    b: Matrix<'a>,
    out: MatrixMut<'a>,
    scratch: &'a mut [f32],
}

impl<const TURNED: bool, const P: usize> WithRegisters for AtB<'_, TURNED, P> {
    type Output = ();

    #[inline(always)]
    fn with_registers(self, registers: &mut impl Registers) {
        let AtB { a, b, out, scratch } = self;
        let mut lent = Lent::new(scratch);
        let (places, ready) = (lent.take(floats::<Fresh<P>>()), lent.into_rest());
        // SAFETY: parts are plain numbers; what is lent begins with a cache line.
        let (places, ready) = unsafe { (&mut *places.as_mut_ptr().cast(), ready.align_to_mut().1) };
        let blocks = [b.columns, a.columns].map(|columns| columns.div_ceil(WIDE));
        let mut part = Part::<TURNED, P> { a, b, out, start: 0, ready };
        for [start, steps] in turns::parts(a.rows) {
            part.start = start * DEPTH;
            part.prepare(steps);
            turns::run(registers, &mut part, places, blocks, steps);
        }
    }
}

/// Some of the rows.
struct Part<'p, 'a, const TURNED: bool, const P: usize> {
    a: Matrix<'a>,
    b: Matrix<'a>,
    out: MatrixMut<'a>,
    /// The first of the rows.
    start: usize,
    /// All columns of `a`.
    ready: &'p mut [Block<P>],
}

impl<const TURNED: bool, const P: usize> Part<'_, '_, TURNED, P> {
    #[inline(always)]
    fn prepare(&mut self, steps: usize) {
        for left in (0..self.a.columns).step_by(SIDE) {
            let to = &mut self.ready[left / WIDE];
            for (step, to) in to.iter_mut().enumerate().take(steps) {
                let row = self.start + step * DEPTH;
                // SAFETY: whoever has parts has the instructions.
                unsafe {
                    to.put_transposed(
                        left % WIDE,
                        #[inline(always)]
                        |pair| two_rows(self.a, row + pair, left),
                    );
                }
            }
        }
    }
}

impl<const TURNED: bool, const P: usize> Work<P> for Part<'_, '_, TURNED, P> {
    #[inline(always)]
    fn room(&self, fresh: usize, ready: usize) -> [usize; 2] {
        [self.a.columns - ready * WIDE, self.b.columns - fresh * WIDE]
    }

    #[inline(always)]
    fn operands(&self, fresh: Operand, ready: usize) -> [Operand; 2] {
        [operand(&self.ready[ready]), fresh]
    }

    #[inline(always)]
    fn fill(&mut self, to: &mut Parts<WIDE, P>, fresh: usize, step: usize, turn: usize) {
        let (left, row) = (fresh * WIDE, self.start + step * DEPTH);
        for pair in turn * PAIRS..(turn + 1) * PAIRS {
            // SAFETY: whoever has parts has the instructions.
            to.put(pair, unsafe { pairs(two_rows(self.b, row + pair, left)) });
        }
        if left + SIDE < self.b.columns {
            for pair in turn * PAIRS..(turn + 1) * PAIRS {
                // SAFETY: as above.
                to.put(SIDE + pair, unsafe { pairs(two_rows(self.b, row + pair, left + SIDE)) });
            }
        }
    }

    #[inline(always)]
    fn place(&self, fresh: usize, ready: usize) -> (&MatrixMut<'_>, [usize; 2]) {
        let [a, b] = [ready * WIDE, fresh * WIDE];
        (&self.out, if TURNED { [b, a] } else { [a, b] })
    }

    #[inline(always)]
    fn write(&mut self, sums: &Sums, fresh: usize, ready: usize, turn: usize) {
        // Four blocks of sixteen by sixteen.
        if !turn.is_multiple_of(4) {
            return;
        }
        let (down, along) = (turn / 8 * SIDE, turn / 4 % 2 * SIDE);
        let [rows, columns] = self.room(fresh, ready);
        if down >= rows || along >= columns {
            return;
        }
        let (rows, columns) = (rows - down, columns - along);
        let mut block = [unsafe { _mm512_setzero_ps() }; SIDE];
        for (line, vector) in sums.0[down..].iter().zip(&mut block) {
            *vector = unsafe { _mm512_loadu_ps(line[along..].as_ptr()) };
        }
        let [mut top, mut left, mut rows, mut columns] =
            [ready * WIDE + down, fresh * WIDE + along, rows, columns];
        if TURNED {
            [top, left, rows, columns] = [left, top, columns, rows];
            block = unsafe { transpose(block) };
        }
        let mask = first(columns);
        for (i, &vector) in block.iter().take(rows).enumerate() {
            let to = self.out.pointer().wrapping_add((top + i) * self.out.stride + left);
            // SAFETY: rows and columns of the result.
            unsafe {
                let sum = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, to), vector);
                _mm512_mask_storeu_ps(to, mask, sum);
            }
        }
    }
}
