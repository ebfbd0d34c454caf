//! `aᵀ · b`, summed over many rows.
//!
//! Rows are the steps of the sums. Of the matrix with more columns they are read as pairs, as they
//! are; the other one is transposed, and where that is `b` so is the result.

use super::pack::two_rows;
use super::parts::{first, transpose};
use super::tile::{DEPTH, Operand, PARTS, Parts, SIDE, Sums, TURNS, Tiles, WIDE};
use super::turns::{self, Fresh, STEPS, Work, operand};
use crate::exec::cpu::kernels::product::{Matrix, MatrixMut};
use pulp::NullaryFnOnce;
use pulp::x86::V4;
use std::arch::x86_64::*;

/// Floats of room to begin with a cache line.
const ROOM: usize = 16;

/// Pairs of rows of a turn.
const PAIRS: usize = SIDE / TURNS;

/// Thirty-two columns of the operand that is transposed.
type Block = [Parts<WIDE>; STEPS];

/// Floats of scratch for sums of `k` by `n`.
pub fn scratch(k: usize, n: usize) -> usize {
    let bytes = k.min(n).div_ceil(WIDE) * size_of::<Block>() + size_of::<Fresh>();
    bytes / size_of::<f32>() + ROOM
}

/// `out += aᵀ · b`.
pub fn multiply_at_b(simd: V4, a: Matrix, b: Matrix, out: MatrixMut, scratch: &mut [f32]) {
    if a.columns > b.columns {
        simd.vectorize(AtB::<true> { a: b, b: a, out, scratch });
    } else {
        simd.vectorize(AtB::<false> { a, b, out, scratch });
    }
}

/// `out += aᵀ · b`, or its transpose if it is `TURNED`.
struct AtB<'a, const TURNED: bool> {
    a: Matrix<'a>,
    b: Matrix<'a>,
    out: MatrixMut<'a>,
    scratch: &'a mut [f32],
}

impl<const TURNED: bool> NullaryFnOnce for AtB<'_, TURNED> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let AtB { a, b, out, scratch } = self;
        let skip = scratch.as_ptr().align_offset(64).min(ROOM);
        let (places, blocks) = scratch[skip..].split_at_mut(size_of::<Fresh>() / size_of::<f32>());
        // SAFETY: parts are plain numbers, and begin with a cache line.
        let (places, ready) =
            unsafe { (&mut *places.as_mut_ptr().cast(), blocks.align_to_mut().1) };
        let blocks = [b.columns, a.columns].map(|columns| columns.div_ceil(WIDE));
        // SAFETY: who asks for this has found the unit.
        let tiles = unsafe { Tiles::new() };
        let mut part = Part::<TURNED> { a, b, out, start: 0, ready };
        for [start, steps] in turns::parts(a.rows) {
            part.start = start * DEPTH;
            part.prepare(steps);
            turns::run(&tiles, &mut part, places, blocks, steps);
        }
    }
}

/// Some of the rows.
struct Part<'p, 'a, const TURNED: bool> {
    a: Matrix<'a>,
    b: Matrix<'a>,
    out: MatrixMut<'a>,
    /// The first of the rows.
    start: usize,
    /// All columns of `a`.
    ready: &'p mut [Block],
}

impl<const TURNED: bool> Part<'_, '_, TURNED> {
    #[inline(always)]
    fn prepare(&mut self, steps: usize) {
        for left in (0..self.a.columns).step_by(SIDE) {
            let to = &mut self.ready[left / WIDE];
            for (step, to) in to.iter_mut().enumerate().take(steps) {
                // SAFETY: whoever has parts has the instructions.
                let mut parts = [[unsafe { _mm512_setzero_si512() }; SIDE]; PARTS];
                for pair in 0..SIDE {
                    let row = two_rows(self.a, self.start + step * DEPTH + pair, left);
                    for (part, row) in parts.iter_mut().zip(row) {
                        part[pair] = row;
                    }
                }
                let to: *mut __m512i = to.0.as_mut_ptr().cast();
                for (part, rows) in parts.into_iter().enumerate() {
                    // SAFETY: as above; a row is a vector.
                    for (line, row) in unsafe { transpose(rows) }.into_iter().enumerate() {
                        unsafe { *to.add(part * WIDE + left % WIDE + line) = row };
                    }
                }
            }
        }
    }
}

impl<const TURNED: bool> Work for Part<'_, '_, TURNED> {
    #[inline(always)]
    fn room(&self, fresh: usize, ready: usize) -> [usize; 2] {
        [self.a.columns - ready * WIDE, self.b.columns - fresh * WIDE]
    }

    #[inline(always)]
    fn operands(&self, fresh: Operand, ready: usize) -> [Operand; 2] {
        [operand(&self.ready[ready]), fresh]
    }

    #[inline(always)]
    fn fill(&mut self, to: &mut Parts<WIDE>, fresh: usize, step: usize, turn: usize) {
        let (left, row) = (fresh * WIDE, self.start + step * DEPTH);
        for pair in turn * PAIRS..(turn + 1) * PAIRS {
            to.put(pair, two_rows(self.b, row + pair, left));
        }
        if left + SIDE < self.b.columns {
            for pair in turn * PAIRS..(turn + 1) * PAIRS {
                to.put(SIDE + pair, two_rows(self.b, row + pair, left + SIDE));
            }
        }
    }

    #[inline(always)]
    fn write(&mut self, sums: &Sums, fresh: usize, ready: usize, turn: usize) {
        // Four blocks of sixteen by sixteen.
        let (down, along) = (turn / 2 * SIDE, turn % 2 * SIDE);
        let [rows, columns] = self.room(fresh, ready);
        if down >= rows || along >= columns {
            return;
        }
        let (rows, columns) = (rows - down, columns - along);
        let mut block = [unsafe { _mm512_setzero_si512() }; SIDE];
        for (line, vector) in sums.0[down..].iter().zip(&mut block) {
            *vector = unsafe { _mm512_loadu_si512(line[along..].as_ptr().cast()) };
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
                let sum =
                    _mm512_add_ps(_mm512_maskz_loadu_ps(mask, to), _mm512_castsi512_ps(vector));
                _mm512_mask_storeu_ps(to, mask, sum);
            }
        }
    }
}
