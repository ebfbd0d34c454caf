//! Products of bfloat16 on vectors, summed in `f32` (AVX512-BF16): a step takes two numbers of either
//! side, which lie in one lane, the earlier one in its lower half.
//!
//! A lane of two numbers is kept as if it were one of `f32`, so that products over pairs are those over
//! numbers with half as many steps. Numbers below 2^-126 count as zero.
//!
//! The two instructions are written as such: functions that the compiler gives them could not be
//! inlined into code for [`V4`], which does not have them.

use super::Matrix;
use super::tile::Step;
use pulp::x86::V4;
use pulp::{Simd, WithSimd};
use std::arch::asm;
use std::arch::x86_64::*;

/// Numbers of a vector.
const LANES: usize = 16;

/// Floats that so many pairs need, which are written in whole vectors.
pub fn room(pairs: usize) -> usize {
    pairs.next_multiple_of(LANES)
}

/// Proof that this machine has the instructions.
#[derive(Clone, Copy)]
pub struct Pairs {
    simd: V4,
}

impl Pairs {
    /// Where there are any.
    pub fn of_the_machine(simd: V4) -> Option<Pairs> {
        std::arch::is_x86_feature_detected!("avx512bf16").then_some(Pairs { simd })
    }
}

impl Step for Pairs {
    #[inline(always)]
    unsafe fn add<S: Simd>(_: S, x: S::f32s, y: S::f32s, sum: S::f32s) -> S::f32s {
        const { assert!(size_of::<S::f32s>() == size_of::<__m512>()) };
        // SAFETY: vectors of this size are plain numbers; whoever calls has the instruction.
        unsafe {
            let [x, y, sum] = [x, y, sum].map(|of| std::mem::transmute_copy::<_, __m512>(&of));
            std::mem::transmute_copy(&dot(x, y, sum))
        }
    }
}

/// `sum` and the products of the two numbers of every lane.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn dot(x: __m512, y: __m512, mut sum: __m512) -> __m512 {
    unsafe {
        asm!(
            "vdpbf16ps {sum}, {x}, {y}",
            sum = inout(zmm_reg) sum,
            x = in(zmm_reg) x,
            y = in(zmm_reg) y,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}

/// Pairs of so many numbers, the last of them perhaps of one.
pub fn count(numbers: usize) -> usize {
    numbers.div_ceil(2)
}

impl Pairs {
    /// Pairs `from..from + count` of the numbers of a row, with `lead` zeros before them and zeros after
    /// them, in whole vectors.
    ///
    /// # Safety
    /// `to` has room for whole vectors.
    #[inline(always)]
    pub unsafe fn along(self, row: &[f32], lead: usize, [from, count]: [usize; 2], to: *mut f32) {
        for at in (0..count).step_by(LANES) {
            let first = 2 * (from + at);
            unsafe {
                let halves = [0, LANES].map(|half| part(row, (first + half).wrapping_sub(lead)));
                let pairs = rounded(halves);
                to.wrapping_add(at).cast::<__m512i>().write_unaligned(pairs);
            }
        }
    }

    /// Rows of pairs, `[count(rows), width]`, each of a number and the one below it, of which the columns
    /// from `left` on are taken; zeros outside of the matrix.
    ///
    /// # Safety
    /// `to` has room for them.
    #[inline(always)]
    pub unsafe fn down(self, from: Matrix, left: usize, width: usize, to: *mut f32) {
        let there = from.columns.saturating_sub(left).min(width);
        for pair in 0..count(from.rows) {
            let [upper, lower] = [2 * pair, 2 * pair + 1].map(|row| match row < from.rows {
                true => from.part(row, left, there),
                false => &[],
            });
            for at in (0..width).step_by(LANES) {
                unsafe {
                    let pairs = interleaved(rounded([part(upper, at), part(lower, at)]));
                    let to = to.wrapping_add(pair * width + at);
                    // A row may be less than a vector.
                    let room = mask(width - at);
                    _mm512_mask_storeu_epi32(to.cast(), room, pairs);
                }
            }
        }
    }

    /// Runs what is compiled for the vectors of this machine.
    #[inline(always)]
    pub fn run<W: pulp::NullaryFnOnce>(self, work: W) -> W::Output {
        self.simd.vectorize(work)
    }

    /// The same of what asks for them.
    #[inline(always)]
    pub fn dispatch<Op: WithSimd>(self, op: Op) -> Op::Output {
        Simd::vectorize(self.simd, op)
    }

    /// Products of registers, many times; how many multiply-accumulates they are.
    pub fn peak(self) -> usize {
        /// Sums side by side, as on plain vectors.
        const SUMS: usize = 12;
        const ROUNDS: usize = 1 << 20;
        self.run(
            #[inline(always)]
            || unsafe {
                // Of two halves.
                let factor =
                    _mm512_castsi512_ps(_mm512_set1_epi32(std::hint::black_box(0x3f00_3f00)));
                let mut sums = [_mm512_setzero_ps(); SUMS];
                for _ in 0..ROUNDS {
                    for sum in &mut sums {
                        *sum = dot(factor, factor, *sum);
                    }
                }
                std::hint::black_box(sums);
            },
        );
        ROUNDS * SUMS * 2 * LANES
    }
}

/// A vector of a row from `at` on, which may lie before it; zeros outside.
#[inline(always)]
unsafe fn part(row: &[f32], at: usize) -> __m512 {
    unsafe {
        if at.checked_add(LANES).is_some_and(|end| end <= row.len()) {
            return _mm512_loadu_ps(row.as_ptr().wrapping_add(at));
        }
        // Lanes before the row's first number, if it begins within the vector.
        let before = at.wrapping_neg();
        let (skip, end) = match before < LANES {
            true => (mask(before), mask(before + row.len())),
            false => (0, mask(row.len().saturating_sub(at))),
        };
        _mm512_maskz_loadu_ps(end & !skip, row.as_ptr().wrapping_add(at))
    }
}

/// Two vectors to nearest, ties to even, the first in the lower half.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn rounded([first, second]: [__m512; 2]) -> __m512i {
    let pairs: __m512i;
    unsafe {
        asm!(
            "vcvtne2ps2bf16 {pairs}, {second}, {first}",
            pairs = lateout(zmm_reg) pairs,
            second = in(zmm_reg) second,
            first = in(zmm_reg) first,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    pairs
}

/// A number of the lower half beside one of the upper half.
#[inline(always)]
unsafe fn interleaved(halves: __m512i) -> __m512i {
    const ORDER: [u16; 2 * LANES] = {
        let mut order = [0; 2 * LANES];
        let mut at = 0;
        while at < 2 * LANES {
            order[at] = (at / 2 + at % 2 * LANES) as u16;
            at += 1;
        }
        order
    };
    unsafe { _mm512_permutexvar_epi16(_mm512_loadu_si512(ORDER.as_ptr().cast()), halves) }
}

/// The first `lanes` of a vector.
fn mask(lanes: usize) -> u16 {
    ((1u32 << lanes.min(LANES)) - 1) as u16
}
