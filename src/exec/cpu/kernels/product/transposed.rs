//! `aᵀ · b`, summed over many rows: gradients of weights.

use super::tile::{self, Steps};
use super::{Matrix, MatrixMut, PANEL};
use crate::exec::cpu::kernels::simd::{dispatch, load, prefetch, store};
use pulp::{Simd, WithSimd};

/// Rows summed at once: the sums are read and written once per so many.
const DEPTH: usize = 128;
/// Rows closer than this are read where they lie; others are copied first, as rows a power of two
/// apart push each other out of the cache.
const NEAR: usize = 64;
/// Rows of a tile.
const TILE: usize = 8;

/// Floats of scratch for [`multiply_at_b`] with sums of `k` by `n`.
pub fn at_b_scratch(k: usize, n: usize) -> usize {
    DEPTH * (k.next_multiple_of(TILE) + n.next_multiple_of(PANEL))
}

/// `out += aᵀ · b` with `a` `[rows, k]`, `b` `[rows, n]`, `out` `[k, n]`.
pub fn multiply_at_b(a: Matrix, b: Matrix, out: MatrixMut, scratch: &mut [f32]) {
    assert!(a.rows == b.rows && a.columns == out.rows && b.columns == out.columns);
    let a_length = DEPTH * a.columns.next_multiple_of(TILE);
    let b_length = DEPTH * b.columns.next_multiple_of(PANEL);
    let (a_copy, rest) = scratch.split_at_mut(a_length);
    dispatch(AtB { a, b, out, a_copy, b_copy: &mut rest[..b_length] });
}

struct AtB<'a> {
    a: Matrix<'a>,
    b: Matrix<'a>,
    out: MatrixMut<'a>,
    a_copy: &'a mut [f32],
    b_copy: &'a mut [f32],
}

/// A part of the rows of a matrix, cut into strips of columns: where the first strip begins, the way
/// to the next strip, and from row to row.
#[derive(Clone, Copy)]
struct Strips {
    start: *const f32,
    next: usize,
    down: usize,
}

/// The strips of `WIDTH` columns of rows `top..top + depth`.
#[inline(always)]
fn strips<const WIDTH: usize>(from: Matrix, top: usize, depth: usize, copy: &mut [f32]) -> Strips {
    if from.stride <= NEAR && from.columns.is_multiple_of(WIDTH) {
        let start = from.pointer().wrapping_add(top * from.stride);
        return Strips { start, next: WIDTH, down: from.stride };
    }
    let strips = copy.as_chunks_mut::<WIDTH>().0.chunks_exact_mut(DEPTH);
    for (strip, left) in strips.zip((0..from.columns).step_by(WIDTH)) {
        let part = WIDTH.min(from.columns - left);
        for (row, to) in strip.iter_mut().take(depth).enumerate() {
            let source = from.part(top + row, left, part);
            match source.first_chunk::<WIDTH>() {
                Some(source) => *to = *source,
                None => {
                    to[..part].copy_from_slice(source);
                    to[part..].fill(0.0);
                }
            }
        }
    }
    Strips { start: copy.as_ptr(), next: DEPTH * WIDTH, down: WIDTH }
}

impl WithSimd for AtB<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let n = self.b.columns;
        for top in (0..self.a.rows).step_by(DEPTH) {
            let depth = DEPTH.min(self.a.rows - top);
            let a = strips::<TILE>(self.a, top, depth, self.a_copy);
            let b = strips::<PANEL>(self.b, top, depth, self.b_copy);
            for left in (0..n).step_by(2 * S::F32_LANES) {
                let start = b.start.wrapping_add(left / PANEL * b.next + left % PANEL);
                let b = Strips { start, ..b };
                // SAFETY: the sizes agree, and matrices and copies hold what they say.
                unsafe {
                    if n - left > S::F32_LANES {
                        self.column::<S, 2>(simd, depth, a, b, left);
                    } else {
                        self.column::<S, 1>(simd, depth, a, b, left);
                    }
                }
            }
        }
    }
}

impl AtB<'_> {
    /// All rows of the result, a tile wide.
    #[inline(always)]
    unsafe fn column<S: Simd, const V: usize>(
        &mut self,
        simd: S,
        depth: usize,
        a: Strips,
        b: Strips,
        left: usize,
    ) {
        let k = self.a.columns;
        for top in (0..k).step_by(TILE) {
            let start = a.start.wrapping_add(top / TILE * a.next);
            let mut at = Steps { start, along: 1, down: a.down };
            let mut row = top;
            let bottom = (top + TILE).min(k);
            unsafe {
                while tile::rows::<S>() >= 8 && row + 8 <= bottom {
                    self.tile::<S, 8, V>(simd, depth, at, b, [row, left]);
                    row += 8;
                }
                while row + 4 <= bottom {
                    self.tile::<S, 4, V>(simd, depth, at, b, [row, left]);
                    at.start = at.start.wrapping_add(4);
                    row += 4;
                }
                while row < bottom {
                    self.tile::<S, 1, V>(simd, depth, at, b, [row, left]);
                    at.start = at.start.wrapping_add(1);
                    row += 1;
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn tile<S: Simd, const M: usize, const V: usize>(
        &mut self,
        simd: S,
        depth: usize,
        a: Steps,
        b: Strips,
        [row, left]: [usize; 2],
    ) {
        let to = self.out.pointer().wrapping_add(row * self.out.stride + left);
        for at in (0..M * V).map(|i| i / V * self.out.stride + i % V * S::F32_LANES) {
            prefetch(to.wrapping_add(at));
        }
        let sums = unsafe { tile::sums::<S, M, V>(simd, depth, a, b.start, b.down) };
        for (i, sums) in sums.into_iter().enumerate() {
            for (v, sum) in sums.into_iter().enumerate() {
                let column = left + v * S::F32_LANES;
                let lanes = self.out.columns - column;
                let at = (row + i) * self.out.stride + column;
                let to = self.out.pointer().wrapping_add(at);
                unsafe { store(simd, to, lanes, simd.add_f32s(sum, load(simd, to, lanes))) };
            }
        }
    }
}

/// `to += column sums of x`.
pub fn add_column_sums(x: Matrix, to: &mut [f32]) {
    assert_eq!(x.columns, to.len());
    dispatch(ColumnSums { x, to });
}

struct ColumnSums<'a> {
    x: Matrix<'a>,
    to: &'a mut [f32],
}

impl WithSimd for ColumnSums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        /// Vectors of columns summed side by side.
        const WIDE: usize = 4;
        let (n, stride) = (self.x.columns, self.x.stride);
        let whole = n / (WIDE * S::F32_LANES) * (WIDE * S::F32_LANES);
        for left in (0..whole).step_by(WIDE * S::F32_LANES) {
            let mut sums = [simd.splat_f32s(0.0); WIDE];
            let mut at = self.x.pointer().wrapping_add(left);
            for _ in 0..self.x.rows {
                for (v, sum) in sums.iter_mut().enumerate() {
                    let at = at.wrapping_add(v * S::F32_LANES);
                    // SAFETY: inside the matrix.
                    *sum = simd.add_f32s(*sum, unsafe { load(simd, at, S::F32_LANES) });
                }
                at = at.wrapping_add(stride);
            }
            for (v, sum) in sums.into_iter().enumerate() {
                add(simd, &mut self.to[left + v * S::F32_LANES..], sum);
            }
        }
        for left in (whole..n).step_by(S::F32_LANES) {
            let lanes = S::F32_LANES.min(n - left);
            let mut sum = simd.splat_f32s(0.0);
            for row in 0..self.x.rows {
                let at = self.x.pointer().wrapping_add(row * stride + left);
                // SAFETY: inside the matrix.
                sum = simd.add_f32s(sum, unsafe { load(simd, at, lanes) });
            }
            add(simd, &mut self.to[left..left + lanes], sum);
        }
    }
}

/// Adds as many numbers of a vector as there is room for.
#[inline(always)]
fn add<S: Simd>(simd: S, to: &mut [f32], value: S::f32s) {
    let (at, lanes) = (to.as_mut_ptr(), to.len());
    // SAFETY: not more than the slice holds.
    unsafe { store(simd, at, lanes, simd.add_f32s(value, load(simd, at, lanes))) };
}
