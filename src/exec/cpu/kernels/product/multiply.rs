//! `a · b` over packed weights.

use super::packed::{Layout, Panels};
#[cfg(target_arch = "x86_64")]
use super::pairs::{self, Pairs};
use super::tile::{self, Numbers, Steps};
use super::{Epilogue, Matrix, MatrixMut, PANEL, Packed};
use crate::exec::cpu::kernels::simd::{dispatch, load, prefetch, store};
use pulp::{Simd, WithSimd};
#[cfg(target_arch = "x86_64")]
use std::mem::MaybeUninit;

/// Longest part of the sums done at once, in steps.
const DEPTH: usize = 512;
/// Floats of `a` that stay in the first cache while all panels pass.
const A_BLOCK: usize = 6 * 1024;

/// `out = epilogue(a · b)` with `a` `[rows, k]`, `b` `[k, n]`, `out` `[rows, n]`.
pub fn multiply(a: Matrix, b: Packed, out: MatrixMut, epilogue: impl Epilogue) {
    assert!(a.rows == out.rows && a.columns == b.k && b.n == out.columns);
    let n = b.n;
    let product = Product { a, out, epilogue };
    match b.layout {
        Layout::Panels(b) => dispatch(Multiply { product, left: Numbers, steps: a.columns, b, n }),
        #[cfg(target_arch = "x86_64")]
        Layout::Pairs { pairs, lead, panels: b } => {
            // To clear it would take longer than a small product.
            let mut room = [const { MaybeUninit::uninit() }; A_BLOCK];
            let left = PairsOf { pairs, lead, room: &mut room };
            let steps = pairs::count(lead + a.columns);
            pairs.dispatch(Multiply { product, left, steps, b, n });
        }
        #[cfg(target_arch = "x86_64")]
        Layout::Parts(unit, b) => super::amx::multiply(unit, product, b),
    }
}

/// Everything of a product but its right side.
pub(super) struct Product<'a, E> {
    pub a: Matrix<'a>,
    pub out: MatrixMut<'a>,
    epilogue: E,
}

/// How the left side is read.
trait Left {
    type Step: tile::Step;

    /// Steps `start..start + depth` of the rows `top..bottom`, at least until the next call.
    ///
    /// # Safety
    /// The machine has the instructions.
    unsafe fn block(&mut self, a: Matrix, rows: [usize; 2], steps: [usize; 2]) -> Block;
}

/// Where a block's first row begins, and the way to the next row.
#[derive(Clone, Copy)]
struct Block {
    start: *const f32,
    stride: usize,
}

impl Left for Numbers {
    type Step = Numbers;

    /// They lie where they are.
    #[inline(always)]
    unsafe fn block(&mut self, a: Matrix, [top, _]: [usize; 2], [start, _]: [usize; 2]) -> Block {
        Block { start: a.pointer().wrapping_add(top * a.stride + start), stride: a.stride }
    }
}

/// A number of a step and the next one.
#[cfg(target_arch = "x86_64")]
struct PairsOf<'a> {
    pairs: Pairs,
    /// Zeros before every row.
    lead: usize,
    room: &'a mut [MaybeUninit<f32>; A_BLOCK],
}

#[cfg(target_arch = "x86_64")]
impl Left for PairsOf<'_> {
    type Step = Pairs;

    /// Rounded and laid side by side, so many of each row.
    #[inline(always)]
    unsafe fn block(&mut self, a: Matrix, [top, bottom]: [usize; 2], steps: [usize; 2]) -> Block {
        let stride = pairs::room(steps[1]);
        assert!((bottom - top) * stride <= A_BLOCK);
        for row in top..bottom {
            let to = self.room[(row - top) * stride..].as_mut_ptr().cast();
            // SAFETY: there is room for the block, and all its rows are whole vectors.
            unsafe { self.pairs.along(a.part(row, 0, a.columns), self.lead, steps, to) };
        }
        Block { start: self.room.as_ptr().cast(), stride }
    }
}

struct Multiply<'a, E, L> {
    product: Product<'a, E>,
    left: L,
    /// Of a sum.
    steps: usize,
    b: Panels<'a>,
    n: usize,
}

impl<E: Epilogue, L: Left> WithSimd for Multiply<'_, E, L> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (rows, k, n) = (self.product.a.rows, self.steps, self.n);
        let depth = k.div_ceil(k.div_ceil(DEPTH).max(1)).max(1);
        let height = (A_BLOCK / depth.next_multiple_of(16) / 8).max(1) * 8;
        for start in (0..k.max(1)).step_by(depth) {
            let depth = depth.min(k - start);
            for top in (0..rows).step_by(height) {
                let bottom = (top + height).min(rows);
                // SAFETY: the layout of the right side says that there are the instructions.
                let a = unsafe { self.left.block(self.product.a, [top, bottom], [start, depth]) };
                for left in (0..n).step_by(2 * S::F32_LANES) {
                    let strip = Strip { a, start, depth, top, bottom, left };
                    // SAFETY: the sizes agree, and matrices hold what they say.
                    unsafe {
                        if n - left > S::F32_LANES {
                            self.strip::<S, 2>(simd, strip);
                        } else {
                            self.strip::<S, 1>(simd, strip);
                        }
                    }
                }
            }
        }
    }
}

/// Some rows of the result, a tile wide, and a part of their sums.
#[derive(Clone, Copy)]
struct Strip {
    a: Block,
    start: usize,
    depth: usize,
    top: usize,
    bottom: usize,
    left: usize,
}

impl<E: Epilogue, L: Left> Multiply<'_, E, L> {
    #[inline(always)]
    unsafe fn strip<S: Simd, const V: usize>(&mut self, simd: S, strip: Strip) {
        let mut row = strip.top;
        unsafe {
            while tile::rows::<S>() >= 8 && row + 8 <= strip.bottom {
                self.tile::<S, 8, V>(simd, strip, row);
                row += 8;
            }
            while row + 4 <= strip.bottom {
                self.tile::<S, 4, V>(simd, strip, row);
                row += 4;
            }
            while row < strip.bottom {
                self.tile::<S, 1, V>(simd, strip, row);
                row += 1;
            }
        }
    }

    #[inline(always)]
    unsafe fn tile<S: Simd, const M: usize, const V: usize>(
        &mut self,
        simd: S,
        strip: Strip,
        row: usize,
    ) {
        let Strip { a: Block { start: a, stride }, start, depth, top, left, .. } = strip;
        let a = Steps { start: a.wrapping_add((row - top) * stride), along: stride, down: 1 };
        let b = self.b.pointer(start, left / PANEL).wrapping_add(left % PANEL);
        let out = &mut self.product.out;
        let room = out.columns - left;
        // On their way while the sums are taken.
        let to = out.pointer().wrapping_add(row * out.stride + left);
        for at in (0..M * V).map(|i| i / V * out.stride + i % V * S::F32_LANES) {
            prefetch(to.wrapping_add(at));
        }
        let sums = unsafe { tile::sums::<S, L::Step, M, V>(simd, depth, a, b, PANEL) };
        // What most tiles are, whole and summed at once, is known to the compiler.
        let whole = V * S::F32_LANES;
        let (adds, last) = (start > 0, start + depth == self.steps);
        let product = &mut self.product;
        unsafe {
            if room >= whole && !adds && last {
                product.write::<S, M, V>(simd, sums, [row, left], whole, [E::ADDS, true]);
            } else {
                product.write::<S, M, V>(simd, sums, [row, left], room, [E::ADDS || adds, last]);
            }
        }
    }
}

impl<E: Epilogue> Product<'_, E> {
    /// Writes the sums of a tile, `room` columns of them, `adds` them to what is there, and applies
    /// the epilogue if they are the `last`.
    #[inline(always)]
    pub unsafe fn write<S: Simd, const M: usize, const V: usize>(
        &mut self,
        simd: S,
        sums: [[S::f32s; V]; M],
        [row, left]: [usize; 2],
        room: usize,
        [adds, last]: [bool; 2],
    ) {
        let mut bias = [simd.splat_f32s(0.0); V];
        for (v, bias) in bias.iter_mut().enumerate().filter(|_| E::BIASED) {
            let done = v * S::F32_LANES;
            *bias = self.epilogue.bias(simd, left + done, room - done);
        }
        for (i, sums) in sums.into_iter().enumerate() {
            for (v, mut sum) in sums.into_iter().enumerate() {
                let (lanes, column) = (room - v * S::F32_LANES, left + v * S::F32_LANES);
                let at = (row + i) * self.out.stride + column;
                let to = self.out.pointer().wrapping_add(at);
                unsafe {
                    if adds {
                        sum = simd.add_f32s(sum, load(simd, to, lanes));
                    }
                    if E::BIASED && last {
                        sum = simd.add_f32s(sum, bias[v]);
                    }
                    if last {
                        sum = self.epilogue.apply(simd, sum, row + i, column, lanes);
                    }
                    store(simd, to, lanes, sum);
                }
            }
        }
    }
}
