//! One center for every pixel: the most similar one.

use super::{Assign, Gradients, Inputs, Work};
use crate::exec::cpu::kernels::directions::inverse_lengths;
use crate::exec::cpu::kernels::meeting::{Chosen, Meeting};
use crate::exec::cpu::kernels::tile::{Panel, multiply, padded};
use crate::exec::cpu::kernels::vector::{Part, Whole, along, bits, dot, exp, sigmoid, vectorized};
use pulp::Simd;

vectorized! {
    pub fn forward<S>(
        simd,
        size: Assign,
        inputs: Inputs<'a>,
        index: &'a mut [u32],
        weight: &'a mut [f32],
        scratch: &'a mut [f32],
    ) {
        let of = size.meeting();
        let Meeting { centers: m, pixels: n, heads, channels, width: d } = of;
        let block = of.block();
        let (width, wide) = (padded::<S>(m), padded::<S>(d));
        let mut work = Work::new(size, false, width, wide, scratch);
        let images = inputs.queries.chunks_exact(m * channels);
        let maps = inputs.keys.chunks_exact(n * channels);
        let chosen = index.chunks_exact_mut(n * heads).zip(weight.chunks_exact_mut(n * heads));
        for ((queries, keys), (index, weight)) in images.zip(maps).zip(chosen) {
            work.measure(simd, size, queries);
            work.lay_columns(size, queries, width);
            for start in (0..n).step_by(block) {
                let count = block.min(n - start);
                for (h, panel) in work.columns.chunks_exact(d * width).enumerate() {
                    let rows = of.head(keys, start, count, h);
                    multiply(simd, rows, Panel::new(panel, width), work.scores);
                    let factors = &mut work.lengths[..count];
                    inverse_lengths(simd, rows, factors);
                    factors.iter_mut().for_each(|x| *x *= inputs.alpha);
                    let (tops, limits) = (&mut work.tops[..count], &mut work.limits[..count]);
                    raise(simd, work.scores, width, factors, inputs.beta, tops);
                    // The factors are spent: their place takes the similarities.
                    limit(simd, tops, factors, limits);
                    for (i, row) in work.scores.chunks_exact(width).take(count).enumerate() {
                        let place = (start + i) * heads + h;
                        (index[place], weight[place]) =
                            choose(simd, row, m, tops[i], limits[i], factors[i]);
                    }
                }
            }
        }
    }

    pub fn backward<S>(
        simd,
        size: Assign,
        inputs: Inputs<'a>,
        chosen: Chosen<'a>,
        dweight: &'a [f32],
        gradients: Gradients<'a>,
        scratch: &'a mut [f32],
    ) {
        let of = size.meeting();
        let Meeting { centers: m, pixels: n, heads, channels, width: d } = of;
        let block = of.block();
        let (width, wide) = (padded::<S>(m), padded::<S>(d));
        let mut work = Work::new(size, true, width, wide, scratch);
        // What the parameters get from all pixels may cancel almost entirely.
        let (mut dalpha, mut dbeta) = (0.0f64, 0.0f64);
        let images = inputs.queries.chunks_exact(m * channels);
        let outs = gradients.queries.chunks_exact_mut(m * channels);
        for (image, (queries, dqueries)) in images.zip(outs).enumerate() {
            let keys = &inputs.keys[image * n * channels..][..n * channels];
            let dkeys = &mut gradients.keys[image * n * channels..][..n * channels];
            work.measure(simd, size, queries);
            work.lay_rows(size, queries, wide);
            work.drows.fill(0.0);
            for start in (0..n).step_by(block) {
                let count = block.min(n - start);
                for h in 0..heads {
                    let rows = of.head(keys, start, count, h);
                    inverse_lengths(simd, rows, work.lengths);
                    for i in 0..count {
                        let place = (image * n + start + i) * heads + h;
                        let (center, s) = (chosen.index[place] as usize, chosen.weight[place]);
                        let query = &work.rows[(h * m + center) * wide..][..d];
                        let (key, length) = (rows.row(i), work.lengths[i]);
                        let cos = dot(simd, key, query) * length;
                        let g = dweight[place] * s * (1.0 - s);
                        dbeta += f64::from(g);
                        dalpha += f64::from(g * cos);
                        let g = g * inputs.alpha * length;
                        let dquery = &mut work.drows[(h * m + center) * d..][..d];
                        let to = &mut dkeys[(start + i) * channels + h * d..][..d];
                        let (slope, back) =
                            (simd.splat_f32s(g), simd.splat_f32s(-g * cos * length));
                        along!(S, d, |at, part| {
                            let (k, q) = (part.load(simd, key, at), part.load(simd, query, at));
                            let sum = part.load(simd, dquery, at);
                            part.store(simd, dquery, at, simd.mul_add_e_f32s(k, slope, sum));
                            let dk = simd.mul_add_e_f32s(k, back, simd.mul_f32s(q, slope));
                            part.store(simd, to, at, dk);
                        });
                    }
                }
            }
            work.through_queries(simd, size, queries, dqueries);
        }
        *gradients.alpha += dalpha as f32;
        *gradients.beta += dbeta as f32;
    }
}

/// Scores become `z = score factor + beta`; the largest of every row goes to `tops`.
#[inline(always)]
fn raise<S: Simd>(
    simd: S,
    scores: &mut [f32],
    width: usize,
    factors: &[f32],
    beta: f32,
    tops: &mut [f32],
) {
    let beta = simd.splat_f32s(beta);
    for ((row, &factor), top) in scores.chunks_exact_mut(width).zip(factors).zip(tops) {
        let factor = simd.splat_f32s(factor);
        let mut largest = simd.splat_f32s(f32::NEG_INFINITY);
        for at in (0..width).step_by(S::F32_LANES) {
            let z = simd.mul_add_e_f32s(Whole.load(simd, row, at), factor, beta);
            Whole.store(simd, row, at, z);
            largest = simd.max_f32s(largest, z);
        }
        *top = simd.reduce_max_f32s(largest);
    }
}

/// From the largest `z`, its sigmoid and the least `z` that may tie with it after rounding.
///
/// Near `z`, `ln sigmoid` has the slope `1 - sigmoid = 1 / (1 + e^z)`, and a steeper one below it, so
/// anything `2^-20 (1 + e^z)` below `z` is smaller by eight roundings or more.
#[inline(always)]
fn limit<S: Simd>(simd: S, tops: &[f32], similarities: &mut [f32], limits: &mut [f32]) {
    let (one, margin) = (simd.splat_f32s(1.0), simd.splat_f32s(-9.536_743e-7));
    along!(S, tops.len(), |at, part| {
        let z = part.load(simd, tops, at);
        part.store(simd, similarities, at, sigmoid(simd, z));
        let reach = simd.add_f32s(one, exp(simd, z));
        part.store(simd, limits, at, simd.mul_add_e_f32s(reach, margin, z));
    });
}

/// The first center of a row whose similarity is the largest, and the similarity.
#[inline(always)]
fn choose<S: Simd>(simd: S, row: &[f32], m: usize, top: f32, limit: f32, s: f32) -> (u32, f32) {
    let floor = simd.splat_f32s(limit);
    // As many lanes at a time as a word has bits: which of them it is, is no branch to guess.
    for (word, lanes) in row.chunks(64).enumerate() {
        let mut reached = 0;
        for at in (0..lanes.len()).step_by(S::F32_LANES) {
            let z = Whole.load(simd, lanes, at);
            reached |= bits(simd, simd.greater_than_or_equal_f32s(z, floor)) << at;
        }
        if reached != 0 {
            let first = word * 64 + reached.trailing_zeros() as usize;
            // Else another comes so near that the sigmoids may be equal.
            return if row[first] >= top {
                (first as u32, s)
            } else {
                tie(simd, row, first, m, limit)
            };
        }
    }
    // Not a number.
    (0, s)
}

/// Chooses by the sigmoid itself among all centers from `first` on that reach the limit.
#[inline(always)]
fn tie<S: Simd>(simd: S, row: &[f32], first: usize, m: usize, limit: f32) -> (u32, f32) {
    let mut best = (first, f32::NEG_INFINITY);
    for (i, &z) in row.iter().enumerate().take(m).skip(first).filter(|(_, z)| **z >= limit) {
        let s = sigmoid(simd, simd.splat_f32s(z));
        let s = pulp::bytemuck::cast_slice::<S::f32s, f32>(std::slice::from_ref(&s))[0];
        if s > best.1 {
            best = (i, s);
        }
    }
    (best.0 as u32, best.1)
}
