//! The inner loop of every product.

use pulp::Simd;

/// What a step of a sum adds to it.
pub trait Step {
    /// `sum` and the product of `x` and `y`, in every lane.
    ///
    /// # Safety
    /// The machine has the instructions.
    unsafe fn add<S: Simd>(simd: S, x: S::f32s, y: S::f32s, sum: S::f32s) -> S::f32s;
}

/// A number by a number.
#[derive(Clone, Copy)]
pub struct Numbers;

impl Step for Numbers {
    #[inline(always)]
    unsafe fn add<S: Simd>(simd: S, x: S::f32s, y: S::f32s, sum: S::f32s) -> S::f32s {
        simd.mul_add_e_f32s(x, y, sum)
    }
}

/// Numbers at `start + i * along + p * down`: element `i` of the result's rows or columns in step
/// `p` of the sum.
#[derive(Clone, Copy)]
pub struct Steps {
    pub start: *const f32,
    pub along: usize,
    pub down: usize,
}

/// Rows of a tile: with 32 registers, 16 sums, two vectors of `b` and a number of `a` fit with room
/// to spare; with 16 registers, half as many sums. Eight rows a power of two apart still fit into
/// the twelve ways of a cache.
pub const fn rows<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { 8 } else { 4 }
}

/// Steps of a sum per turn of its loop: counting and moving on compete with the arithmetic.
const STEPS: usize = 4;

/// `sum over p of a(i, p) b(p, j)` for `M` numbers `i` and `V` vectors of columns `j`.
///
/// # Safety
/// All of these numbers can be read; those of `b` lie side by side. As for [`Step::add`].
#[inline(always)]
pub unsafe fn sums<S: Simd, T: Step, const M: usize, const V: usize>(
    simd: S,
    depth: usize,
    a: Steps,
    b: *const f32,
    b_down: usize,
) -> [[S::f32s; V]; M] {
    let mut sums = [[simd.splat_f32s(0.0); V]; M];
    let mut rows = [a.start; M];
    for (i, row) in rows.iter_mut().enumerate() {
        *row = row.wrapping_add(i * a.along);
    }
    let mut b = b;
    let mut left = depth;
    unsafe {
        while left >= STEPS {
            for step in 0..STEPS {
                let at = b.wrapping_add(step * b_down);
                add::<S, T, M, V>(simd, &mut sums, &rows, step * a.down, at);
            }
            rows = rows.map(|row| row.wrapping_add(STEPS * a.down));
            b = b.wrapping_add(STEPS * b_down);
            left -= STEPS;
        }
        for step in 0..left {
            let at = b.wrapping_add(step * b_down);
            add::<S, T, M, V>(simd, &mut sums, &rows, step * a.down, at);
        }
    }
    sums
}

/// One step of the sums.
#[inline(always)]
unsafe fn add<S: Simd, T: Step, const M: usize, const V: usize>(
    simd: S,
    sums: &mut [[S::f32s; V]; M],
    a: &[*const f32; M],
    offset: usize,
    b: *const f32,
) {
    let mut columns = [simd.splat_f32s(0.0); V];
    for (v, column) in columns.iter_mut().enumerate() {
        let at = b.wrapping_add(v * S::F32_LANES);
        *column = unsafe { at.cast::<S::f32s>().read_unaligned() };
    }
    for (sums, a) in sums.iter_mut().zip(a) {
        let x = simd.splat_f32s(unsafe { *a.wrapping_add(offset) });
        for (sum, &column) in sums.iter_mut().zip(&columns) {
            *sum = unsafe { T::add(simd, x, column, *sum) };
        }
    }
}
