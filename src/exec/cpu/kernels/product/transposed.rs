//! `aᵀ · b`, summed over many rows: gradients of weights.

#[cfg(target_arch = "x86_64")]
use super::pairs::{self, Pairs};
use super::tile::{self, Numbers, Steps};
use super::{Matrix, MatrixMut, PANEL};
#[cfg(target_arch = "x86_64")]
use super::{amx, packed};
#[cfg(target_arch = "x86_64")]
use crate::exec::cpu::kernels::simd;
use crate::exec::cpu::kernels::simd::{dispatch, load, prefetch, store};
use pulp::{Simd, WithSimd};

/// Rows summed at once, at most: the sums are read and written once per so many.
const DEPTH: usize = 208;
/// The same where rows are so short that all of them lie side by side in the cache.
const SHORT: usize = 128;
/// Bytes after which the first cache comes back to the same place, how many lines it holds there,
/// and how long a line is.
const CYCLE: usize = 4096;
const WAYS: usize = 12;
const LINE: usize = 64;
/// Rows of a tile.
const TILE: usize = 8;

/// The matrix unit, if it is there and there are sums enough to split and transpose for.
#[cfg(target_arch = "x86_64")]
fn unit(k: usize, n: usize) -> Option<amx::Unit> {
    const LEAST: usize = 64 * 64;
    if k * n >= LEAST { packed::unit(k, n) } else { None }
}

/// Floats of scratch for [`multiply_at_b`] with sums of `k` by `n`.
pub fn at_b_scratch(k: usize, n: usize) -> usize {
    #[cfg(target_arch = "x86_64")]
    if unit(k, n).is_some() {
        return amx::scratch(k, n);
    }
    DEPTH * (k.next_multiple_of(TILE) + n.next_multiple_of(PANEL))
}

/// `out += aᵀ · b` with `a` `[rows, k]`, `b` `[rows, n]`, `out` `[k, n]`.
pub fn multiply_at_b(a: Matrix, b: Matrix, out: MatrixMut, scratch: &mut [f32]) {
    assert!(a.rows == b.rows && a.columns == out.rows && b.columns == out.columns);
    #[cfg(target_arch = "x86_64")]
    if let Some(unit) = unit(a.columns, b.columns) {
        return amx::multiply_at_b(unit, a, b, out, scratch);
    }
    let a_length = DEPTH * a.columns.next_multiple_of(TILE);
    let b_length = DEPTH * b.columns.next_multiple_of(PANEL);
    let (a_copy, rest) = scratch.split_at_mut(a_length);
    let b_copy = &mut rest[..b_length];
    #[cfg(target_arch = "x86_64")]
    if let Some(sides) = simd::pairs() {
        return sides.dispatch(AtB { sides, a, b, out, a_copy, b_copy });
    }
    dispatch(AtB { sides: Numbers, a, b, out, a_copy, b_copy });
}

/// How both sides are read.
trait Sides: Copy {
    type Step: tile::Step;

    /// Steps of sums over so many rows.
    fn steps(rows: usize) -> usize;

    /// Strips of the rows `top..top + depth` of a matrix, of which columns up to `until` may stay where
    /// they lie.
    ///
    /// # Safety
    /// The machine has the instructions.
    unsafe fn strips<const WIDTH: usize>(
        self,
        from: Matrix,
        rows: [usize; 2],
        until: usize,
        copy: &mut [f32],
    ) -> Strips<WIDTH>;
}

impl Sides for Numbers {
    type Step = Numbers;

    fn steps(rows: usize) -> usize {
        rows
    }

    #[inline(always)]
    unsafe fn strips<const WIDTH: usize>(
        self,
        from: Matrix,
        rows: [usize; 2],
        until: usize,
        copy: &mut [f32],
    ) -> Strips<WIDTH> {
        Strips::new(from, rows, until, copy)
    }
}

#[cfg(target_arch = "x86_64")]
impl Sides for Pairs {
    type Step = Pairs;

    fn steps(rows: usize) -> usize {
        pairs::count(rows)
    }

    /// All are copied, as pairs of rows.
    #[inline(always)]
    unsafe fn strips<const WIDTH: usize>(
        self,
        from: Matrix,
        [top, depth]: [usize; 2],
        _: usize,
        copy: &mut [f32],
    ) -> Strips<WIDTH> {
        let rows = from.rows(top, depth);
        let strips = copy.chunks_exact_mut(DEPTH * WIDTH);
        for (strip, left) in strips.zip((0..from.columns).step_by(WIDTH)) {
            // SAFETY: a strip has room for more rows.
            unsafe { self.down(rows, left, WIDTH, strip.as_mut_ptr()) };
        }
        // None is read where it lies.
        Strips { lie: from.pointer(), stride: from.stride, until: 0, copy: copy.as_ptr() }
    }
}

struct AtB<'a, T> {
    sides: T,
    a: Matrix<'a>,
    b: Matrix<'a>,
    out: MatrixMut<'a>,
    a_copy: &'a mut [f32],
    b_copy: &'a mut [f32],
}

/// Some rows of a matrix, cut into strips of `WIDTH` columns: the first ones where they lie, the
/// others copied.
#[derive(Clone, Copy)]
struct Strips<const WIDTH: usize> {
    lie: *const f32,
    stride: usize,
    /// Columns that are not copied.
    until: usize,
    copy: *const f32,
}

/// Where a strip begins, and the way from row to row.
#[derive(Clone, Copy)]
struct Strip {
    start: *const f32,
    down: usize,
}

impl<const WIDTH: usize> Strips<WIDTH> {
    /// The strip that column `left` lies in, from there on.
    #[inline(always)]
    fn at(&self, left: usize) -> Strip {
        if left < self.until {
            return Strip { start: self.lie.wrapping_add(left), down: self.stride };
        }
        let copied = left - self.until;
        let start = copied / WIDTH * DEPTH * WIDTH + copied % WIDTH;
        Strip { start: self.copy.wrapping_add(start), down: WIDTH }
    }

    /// Rows `top..top + depth` of a matrix, of which columns up to `until` may stay where they lie
    /// if the cache can hold so many rows.
    #[inline(always)]
    fn new(from: Matrix, [top, depth]: [usize; 2], until: usize, copy: &mut [f32]) -> Self {
        let until = if stays(from.stride) { until } else { 0 };
        let strips = copy.as_chunks_mut::<WIDTH>().0.chunks_exact_mut(DEPTH);
        for (strip, left) in strips.zip((until..from.columns).step_by(WIDTH)) {
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
        let lie = from.pointer().wrapping_add(top * from.stride);
        Strips { lie, stride: from.stride, until, copy: copy.as_ptr() }
    }
}

/// Whether the first cache holds rows this far apart, beside the other matrix: a strip of each. Rows a
/// power of two apart push each other out.
fn stays(stride: usize) -> bool {
    let bytes = 4 * stride.max(1);
    let places = CYCLE >> bytes.trailing_zeros().clamp(LINE.ilog2(), CYCLE.ilog2());
    short(stride) || places * WAYS >= 3 * SHORT
}

/// Whether it holds all of so many rows.
fn short(stride: usize) -> bool {
    SHORT * 4 * stride <= CYCLE * WAYS * 2 / 3
}

impl<T: Sides> WithSimd for AtB<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (rows, n) = (self.a.rows, self.b.columns);
        let most = if short(self.a.stride) || short(self.b.stride) { SHORT } else { DEPTH };
        // Parts of like length: a last one of a few rows would read and write the sums for little.
        let part = rows.div_ceil(rows.div_ceil(most).max(1)).max(1);
        for top in (0..rows).step_by(part) {
            let depth = part.min(rows - top);
            // Tiles read no column of `a` that is not there, and whole vectors of `b`.
            let [a_until, b_until] = [self.a.columns, n / PANEL * PANEL];
            // SAFETY: whoever made the sides knows that there are the instructions.
            let (a, b) = unsafe {
                (
                    self.sides.strips(self.a, [top, depth], a_until, self.a_copy),
                    self.sides.strips::<PANEL>(self.b, [top, depth], b_until, self.b_copy),
                )
            };
            let depth = T::steps(depth);
            for left in (0..n).step_by(2 * S::F32_LANES) {
                let b = b.at(left);
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

impl<T: Sides> AtB<'_, T> {
    /// All rows of the result, a tile wide.
    #[inline(always)]
    unsafe fn column<S: Simd, const V: usize>(
        &mut self,
        simd: S,
        depth: usize,
        a: Strips<TILE>,
        b: Strip,
        left: usize,
    ) {
        let k = self.a.columns;
        for top in (0..k).step_by(TILE) {
            let Strip { start, down } = a.at(top);
            let mut at = Steps { start, along: 1, down };
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
        b: Strip,
        [row, left]: [usize; 2],
    ) {
        let to = self.out.pointer().wrapping_add(row * self.out.stride + left);
        for at in (0..M * V).map(|i| i / V * self.out.stride + i % V * S::F32_LANES) {
            prefetch(to.wrapping_add(at));
        }
        let sums = unsafe { tile::sums::<S, T::Step, M, V>(simd, depth, a, b.start, b.down) };
        // Whole vectors, known to be so, go without masks.
        let room = self.out.columns - left;
        if room >= V * S::F32_LANES {
            unsafe { self.add::<S, M, V>(simd, sums, [row, left], V * S::F32_LANES) };
        } else {
            unsafe { self.add::<S, M, V>(simd, sums, [row, left], room) };
        }
    }

    /// Adds the sums of a tile to the result, `room` columns of them.
    #[inline(always)]
    unsafe fn add<S: Simd, const M: usize, const V: usize>(
        &mut self,
        simd: S,
        sums: [[S::f32s; V]; M],
        [row, left]: [usize; 2],
        room: usize,
    ) {
        for (i, sums) in sums.into_iter().enumerate() {
            for (v, sum) in sums.into_iter().enumerate() {
                let lanes = room - v * S::F32_LANES;
                let at = (row + i) * self.out.stride + left + v * S::F32_LANES;
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
