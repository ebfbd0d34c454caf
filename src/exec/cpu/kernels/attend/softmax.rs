//! Scores of a block become the weights of a softmax over all pixels, and their gradients.

use crate::exec::cpu::kernels::vector::{Part, Whole, bits, exp_of_negative};
use pulp::Simd;

/// Scores become `e^(score factor - largest)`; the largest and the totals of every center go on, and
/// what was `gathered` with an older largest is brought to the new one.
#[inline(always)]
pub fn soften<S: Simd>(
    simd: S,
    [scores, gathered]: [&mut [f32]; 2],
    factors: &[f32],
    largest: &mut [f32],
    totals: &mut [f32],
    width: usize,
) {
    for at in (0..largest.len()).step_by(S::F32_LANES) {
        let before = Whole.load(simd, largest, at);
        let mut top = before;
        for (row, &factor) in scores.chunks_exact_mut(width).zip(factors) {
            let score = simd.mul_f32s(Whole.load(simd, row, at), simd.splat_f32s(factor));
            Whole.store(simd, row, at, score);
            top = simd.max_f32s(top, score);
        }
        let mut total = Whole.load(simd, totals, at);
        if bits(simd, simd.greater_than_f32s(top, before)) != 0 {
            Whole.store(simd, largest, at, top);
            let shrink = exp_of_negative(simd, simd.sub_f32s(before, top));
            total = simd.mul_f32s(total, shrink);
            for row in gathered.chunks_exact_mut(width) {
                Whole.store(simd, row, at, simd.mul_f32s(Whole.load(simd, row, at), shrink));
            }
        }
        for (row, _) in scores.chunks_exact_mut(width).zip(factors) {
            let weight = exp_of_negative(simd, simd.sub_f32s(Whole.load(simd, row, at), top));
            Whole.store(simd, row, at, weight);
            total = simd.add_f32s(total, weight);
        }
        Whole.store(simd, totals, at, total);
    }
}

/// Scores become `e^(score factor - bound)`; the totals of every center go on.
#[inline(always)]
pub fn soften_below<S: Simd>(
    simd: S,
    bound: f32,
    scores: &mut [f32],
    factors: &[f32],
    totals: &mut [f32],
    width: usize,
) {
    let bound = simd.splat_f32s(-bound);
    for at in (0..totals.len()).step_by(S::F32_LANES) {
        let mut total = Whole.load(simd, totals, at);
        for (row, &factor) in scores.chunks_exact_mut(width).zip(factors) {
            let factor = simd.splat_f32s(factor);
            let score = simd.mul_add_e_f32s(Whole.load(simd, row, at), factor, bound);
            let weight = exp_of_negative(simd, score);
            Whole.store(simd, row, at, weight);
            total = simd.add_f32s(total, weight);
        }
        Whole.store(simd, totals, at, total);
    }
}

/// Scores become the softmax `p = e^(score factor + shift)`; their gradients, on entry those of `p`,
/// become those of the scores, times the factor.
#[inline(always)]
pub fn harden<S: Simd>(
    simd: S,
    [scores, dscores]: [&mut [f32]; 2],
    factors: &[f32],
    shifts: &[f32],
    alongs: &[f32],
    width: usize,
) {
    let rows = scores.chunks_exact_mut(width).zip(dscores.chunks_exact_mut(width));
    for ((row, drow), &factor) in rows.zip(factors) {
        let factor = simd.splat_f32s(factor);
        for at in (0..shifts.len()).step_by(S::F32_LANES) {
            let score = Whole.load(simd, row, at);
            let shift = Whole.load(simd, shifts, at);
            let p = exp_of_negative(simd, simd.mul_add_e_f32s(score, factor, shift));
            Whole.store(simd, row, at, p);
            let g = simd.sub_f32s(Whole.load(simd, drow, at), Whole.load(simd, alongs, at));
            Whole.store(simd, drow, at, simd.mul_f32s(simd.mul_f32s(g, p), factor));
        }
    }
}
