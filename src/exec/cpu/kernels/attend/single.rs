//! Centers that fill no vector: they go one by one, and lanes are pixels. A vector that is almost
//! empty would cost as much as a full one (of 7 by 7 centers one is left over).

use super::Attend;
use crate::exec::cpu::kernels::tile::{Rows, padded};
use crate::exec::cpu::kernels::vector::{Part, along, dot, exp_of_negative};
use pulp::Simd;

/// Centers that go one by one, at most: an eighth of the widest vector.
pub const FEW: usize = 2;

/// Columns of centers that go by vectors; the centers after them go one by one. Their sums are taken
/// in another order: where a grid is finer than its map, centers repeat each other to the bit, and so
/// do their results, so all go by vectors.
#[inline(always)]
pub fn in_vectors<S: Simd>(size: Attend) -> usize {
    let Attend { map, grid, .. } = size;
    let centers = size.meeting().centers;
    let beyond = centers % S::F32_LANES;
    let few = beyond <= (S::F32_LANES / 8).min(FEW) && beyond < centers;
    let repeated = grid[0] > map[0] || grid[1] > map[1];
    if few && !repeated { centers - beyond } else { padded::<S>(centers) }
}

/// `out = rows · column`
#[inline(always)]
pub fn dots<S: Simd>(simd: S, rows: Rows, column: &[f32], out: &mut [f32]) {
    for (i, to) in out.iter_mut().enumerate() {
        *to = dot(simd, rows.row(i), column);
    }
}

/// `sums += rows transposed · factors`
#[inline(always)]
pub fn collect<S: Simd>(simd: S, rows: Rows, factors: &[f32], sums: &mut [f32]) {
    /// Sums side by side, so that one need not wait for the other.
    const WAYS: usize = 4;
    let (groups, rest) = factors.as_chunks::<WAYS>();
    along!(S, sums.len(), |at, part| {
        let mut ways = [simd.splat_f32s(0.0); WAYS];
        for (group, factors) in groups.iter().enumerate() {
            for (i, (way, &factor)) in ways.iter_mut().zip(factors).enumerate() {
                let row = part.load(simd, rows.row(group * WAYS + i), at);
                *way = simd.mul_add_e_f32s(row, simd.splat_f32s(factor), *way);
            }
        }
        let mut sum = part.load(simd, sums, at);
        for (i, &factor) in rest.iter().enumerate() {
            let row = part.load(simd, rows.row(groups.len() * WAYS + i), at);
            sum = simd.mul_add_e_f32s(row, simd.splat_f32s(factor), sum);
        }
        for way in ways {
            sum = simd.add_f32s(sum, way);
        }
        part.store(simd, sums, at, sum);
    });
}

/// What one center has up to now.
pub struct Center<'a> {
    /// Of its scores.
    pub largest: &'a mut f32,
    /// Of its weights.
    pub total: &'a mut f32,
    pub gathered: &'a mut [f32],
}

impl Center<'_> {
    /// Scores become weights: `e^(score factor - bound)`, or the largest so far where none is known.
    #[inline(always)]
    pub fn soften<S: Simd>(
        mut self,
        simd: S,
        bound: Option<f32>,
        scores: &mut [f32],
        factors: &[f32],
    ) {
        let top = match bound {
            Some(bound) => bound,
            None => self.raise(simd, scores, factors),
        };
        let (mut total, top) = (simd.splat_f32s(0.0), simd.splat_f32s(-top));
        along!(S, scores.len(), |at, part| {
            let (score, factor) = (part.load(simd, scores, at), part.load(simd, factors, at));
            let weight = exp_of_negative(simd, simd.mul_add_e_f32s(score, factor, top));
            part.store(simd, scores, at, weight);
            total = simd.add_f32s(total, part.keep(simd, weight));
        });
        *self.total += simd.reduce_sum_f32s(total);
    }

    /// The largest with these scores; what there is already is brought to it.
    #[inline(always)]
    fn raise<S: Simd>(&mut self, simd: S, scores: &[f32], factors: &[f32]) -> f32 {
        let (before, least) = (*self.largest, simd.splat_f32s(f32::NEG_INFINITY));
        let mut top = simd.splat_f32s(before);
        along!(S, scores.len(), |at, part| {
            let (score, factor) = (part.load(simd, scores, at), part.load(simd, factors, at));
            top = simd.max_f32s(top, part.or(simd, simd.mul_f32s(score, factor), least));
        });
        let top = simd.reduce_max_f32s(top);
        if top > before {
            let shrink = (before - top).exp();
            *self.total *= shrink;
            self.gathered.iter_mut().for_each(|x| *x *= shrink);
            *self.largest = top;
        }
        top
    }
}

/// Scores of one center become its softmax `p = e^(score factor + shift)`; their gradients, on entry
/// those of `p`, become those of the scores, times the factor.
#[inline(always)]
pub fn harden<S: Simd>(
    simd: S,
    [scores, dscores]: [&mut [f32]; 2],
    factors: &[f32],
    shift: f32,
    along: f32,
) {
    let (shift, along) = (simd.splat_f32s(shift), simd.splat_f32s(along));
    along!(S, scores.len(), |at, part| {
        let (score, factor) = (part.load(simd, scores, at), part.load(simd, factors, at));
        let p = exp_of_negative(simd, simd.mul_add_e_f32s(score, factor, shift));
        part.store(simd, scores, at, p);
        let g = simd.sub_f32s(part.load(simd, dscores, at), along);
        part.store(simd, dscores, at, simd.mul_f32s(simd.mul_f32s(g, p), factor));
    });
}

/// Numbers as a column of rows that are `width` apart.
#[inline(always)]
pub fn put(numbers: &[f32], width: usize, column: usize, rows: &mut [f32]) {
    for (row, &x) in rows.chunks_exact_mut(width).zip(numbers) {
        row[column] = x;
    }
}
