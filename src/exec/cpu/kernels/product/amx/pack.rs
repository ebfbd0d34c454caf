//! Weights as the unit reads them: sixteen columns after sixteen columns, all steps one behind the
//! other.

use super::Unit;
use super::parts::{first, pairs};
use super::tile::{DEPTH, Operand, PARTS, Parts, Row, SIDE};
use crate::exec::cpu::kernels::product::Matrix;
use pulp::NullaryFnOnce;
use std::arch::x86_64::{__m512, _mm512_loadu_ps, _mm512_maskz_loadu_ps};
use std::marker::PhantomData;

/// Floats of room to begin with a cache line.
const ROOM: usize = 16;

/// Floats of a packed `[k, n]` matrix.
pub fn packed_len(unit: Unit, k: usize, n: usize) -> usize {
    let rows = n.div_ceil(SIDE) * k.div_ceil(DEPTH) * unit.parts * SIDE;
    rows * (size_of::<Row>() / size_of::<f32>()) + ROOM
}

/// A packed `[k, n]` matrix, from some row and column on.
#[derive(Clone, Copy)]
pub struct Weights<'a> {
    start: *const Row,
    /// Of thirty-two steps of sixteen columns.
    rows: usize,
    /// Thirty-two steps each, of the whole matrix.
    steps: usize,
    /// Steps to skip in the first of them: the left side is to be zero there.
    pub lead: usize,
    of: PhantomData<&'a [f32]>,
}

// SAFETY: it is read like the slice it comes from.
unsafe impl Send for Weights<'_> {}
unsafe impl Sync for Weights<'_> {}

impl<'a> Weights<'a> {
    /// What [`pack`] or [`pack_transposed`] left in `data`.
    pub fn new(unit: Unit, data: &'a [f32], k: usize, n: usize) -> Weights<'a> {
        assert_eq!(data.len(), packed_len(unit, k, n));
        let start = data[line(data)..].as_ptr().cast();
        let rows = unit.parts * SIDE;
        Weights { start, rows, steps: k.div_ceil(DEPTH), lead: 0, of: PhantomData }
    }

    /// From row `start` on.
    pub fn rows(self, start: usize) -> Weights<'a> {
        let start = start + self.lead;
        let skip = start / DEPTH * self.rows;
        Weights { start: self.start.wrapping_add(skip), lead: start % DEPTH, ..self }
    }

    /// From column `start` on, the first of sixteen.
    pub fn columns(self, start: usize) -> Weights<'a> {
        Weights { start: self.start.wrapping_add(start / SIDE * self.column()), ..self }
    }

    /// Rows of sixteen columns.
    #[inline(always)]
    fn column(&self) -> usize {
        self.steps * self.rows
    }

    /// Thirty-two columns.
    #[inline(always)]
    pub fn operand(&self) -> Operand {
        let halves = [self.start, self.start.wrapping_add(self.column())];
        Operand { halves, part: SIDE, first: 0, mask: usize::MAX }
    }
}

/// Floats before the first cache line.
fn line(data: &[f32]) -> usize {
    data.as_ptr().align_offset(64).min(ROOM)
}

/// Packed parts to be written, thirty-two steps of sixteen columns each.
fn parts<const P: usize>(unit: Unit, to: &mut [f32], [k, n]: [usize; 2]) -> &mut [Parts<SIDE, P>] {
    assert!(unit.parts == P && to.len() == packed_len(unit, k, n));
    let skip = line(to);
    let count = n.div_ceil(SIDE) * k.div_ceil(DEPTH);
    // SAFETY: so many lie behind the first cache line, and parts are plain numbers.
    unsafe { std::slice::from_raw_parts_mut(to[skip..].as_mut_ptr().cast(), count) }
}

/// Packs `source`, `[k, n]`.
pub fn pack(unit: Unit, source: Matrix, to: &mut [f32]) {
    match unit.parts {
        1 => lay::<false, 1>(unit, source, to),
        _ => lay::<false, PARTS>(unit, source, to),
    }
}

/// Packs the transpose of `source`: of `[n, k]`, a `[k, n]` matrix.
pub fn pack_transposed(unit: Unit, source: Matrix, to: &mut [f32]) {
    match unit.parts {
        1 => lay::<true, 1>(unit, source, to),
        _ => lay::<true, PARTS>(unit, source, to),
    }
}

fn lay<const TRANSPOSED: bool, const P: usize>(unit: Unit, source: Matrix, to: &mut [f32]) {
    let [k, n] = match TRANSPOSED {
        true => [source.columns, source.rows],
        false => [source.rows, source.columns],
    };
    let to = parts(unit, to, [k, n]);
    unit.simd.vectorize(Pack::<TRANSPOSED, P> { source, to, steps: k.div_ceil(DEPTH) });
}

struct Pack<'a, const TRANSPOSED: bool, const P: usize> {
    source: Matrix<'a>,
    to: &'a mut [Parts<SIDE, P>],
    steps: usize,
}

impl<const TRANSPOSED: bool, const P: usize> NullaryFnOnce for Pack<'_, TRANSPOSED, P> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Pack { source, to, steps } = self;
        for (at, to) in to.iter_mut().enumerate() {
            let (unit, step) = (at / steps * SIDE, at % steps * DEPTH);
            if TRANSPOSED {
                // SAFETY: whoever packs parts has the instructions.
                unsafe {
                    to.put_transposed(
                        0,
                        #[inline(always)]
                        |line| two_vectors(source, unit + line, step),
                    );
                }
            } else {
                for pair in 0..SIDE {
                    // SAFETY: as above.
                    to.put(pair, unsafe { pairs(two_rows(source, step + pair, unit)) });
                }
            }
        }
    }
}

/// Thirty-two numbers of a row of a matrix, zeros outside.
#[inline(always)]
fn two_vectors(from: Matrix, row: usize, left: usize) -> [__m512; 2] {
    let there = if row < from.rows { from.columns - left } else { 0 };
    let at = from.pointer().wrapping_add(row * from.stride + left);
    // SAFETY: inside the matrix; nothing else is read.
    unsafe {
        let right = _mm512_maskz_loadu_ps(first(there.saturating_sub(SIDE)), at.wrapping_add(SIDE));
        [_mm512_maskz_loadu_ps(first(there), at), right]
    }
}

/// A row of a matrix and the sixteenth after it, sixteen columns of them, zeros outside.
#[inline(always)]
pub fn two_rows(from: Matrix, row: usize, left: usize) -> [__m512; 2] {
    let at = from.pointer().wrapping_add(row * from.stride + left);
    let below = at.wrapping_add(SIDE * from.stride);
    // SAFETY: inside the matrix; nothing else is read.
    unsafe {
        if row + SIDE < from.rows && left + SIDE <= from.columns {
            return [_mm512_loadu_ps(at), _mm512_loadu_ps(below)];
        }
        let mask = first(from.columns - left);
        let [mask, mask_below] =
            [row, row + SIDE].map(|row| if row < from.rows { mask } else { 0 });
        [_mm512_maskz_loadu_ps(mask, at), _mm512_maskz_loadu_ps(mask_below, below)]
    }
}
