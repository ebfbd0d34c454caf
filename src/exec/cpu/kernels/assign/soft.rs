//! Every center for every pixel, by how similar they are.

use super::{Assign, Gradients, Inputs, Work};
use crate::exec::cpu::kernels::directions::{column, inverse_lengths, through_length};
use crate::exec::cpu::kernels::meeting::Meeting;
use crate::exec::cpu::kernels::tile::{Panel, Rows, collect, multiply, padded};
use crate::exec::cpu::kernels::vector::{Part, Whole, along, scaled, sigmoid, vectorized};
use pulp::Simd;

vectorized! {
    pub fn forward<S>(
        simd,
        size: Assign,
        inputs: Inputs<'a>,
        weights: &'a mut [f32],
        scratch: &'a mut [f32],
    ) {
        let of = size.meeting();
        let Meeting { centers: m, pixels: n, heads, channels, width: d } = of;
        let block = of.block();
        let (width, wide) = (padded::<S>(m), padded::<S>(d));
        let mut work = Work::new(size, false, width, wide, scratch);
        let images = inputs.queries.chunks_exact(m * channels);
        let maps = inputs.keys.chunks_exact(n * channels);
        let beta = simd.splat_f32s(inputs.beta);
        for ((queries, keys), weights) in images.zip(maps).zip(weights.chunks_exact_mut(n * heads * m)) {
            work.measure(simd, size, queries);
            work.lay_columns(size, queries, width);
            for start in (0..n).step_by(block) {
                let count = block.min(n - start);
                for (h, panel) in work.columns.chunks_exact(d * width).enumerate() {
                    let rows = of.head(keys, start, count, h);
                    multiply(simd, rows, Panel::new(panel, width), work.scores);
                    inverse_lengths(simd, rows, work.lengths);
                    for (i, row) in work.scores.chunks_exact_mut(width).take(count).enumerate() {
                        let factor = simd.splat_f32s(work.lengths[i] * inputs.alpha);
                        let mut total = simd.splat_f32s(0.0);
                        along!(S, m, |at, part| {
                            let z = simd.mul_add_e_f32s(Whole.load(simd, row, at), factor, beta);
                            let s = part.keep(simd, sigmoid(simd, z));
                            total = simd.add_f32s(total, s);
                            Whole.store(simd, row, at, s);
                        });
                        let to = &mut weights[((start + i) * heads + h) * m..][..m];
                        scaled(simd, to, &row[..m], 1.0 / simd.reduce_sum_f32s(total));
                    }
                }
            }
        }
    }

    pub fn backward<S>(
        simd,
        size: Assign,
        inputs: Inputs<'a>,
        dweights: &'a [f32],
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
            work.lay_columns(size, queries, width);
            work.lay_rows(size, queries, wide);
            work.dcolumns.fill(0.0);
            for start in (0..n).step_by(block) {
                let count = block.min(n - start);
                for h in 0..heads {
                    let rows = of.head(keys, start, count, h);
                    let panel = &work.columns[h * d * width..][..d * width];
                    multiply(simd, rows, Panel::new(panel, width), work.scores);
                    inverse_lengths(simd, rows, work.lengths);
                    for (i, row) in work.scores.chunks_exact_mut(width).take(count).enumerate() {
                        let place = ((image * n + start + i) * heads + h) * m;
                        let length = work.lengths[i];
                        let sums = soften_back(simd, row, &dweights[place..][..m], inputs, length);
                        dbeta += f64::from(sums[0]);
                        dalpha += f64::from(sums[1]);
                    }
                    let sums = &mut work.dcolumns[h * d * width..][..d * width];
                    collect(simd, rows, Panel::new(work.scores, width), sums);
                    let dscores = Rows { data: work.scores, stride: width, count, depth: m };
                    let panel = &work.rows[h * m * wide..][..m * wide];
                    multiply(simd, dscores, Panel::new(panel, wide), work.block_rows);
                    for i in 0..count {
                        let to = &mut dkeys[(start + i) * channels + h * d..][..d];
                        let g = &work.block_rows[i * wide..][..d];
                        through_length(simd, rows.row(i), work.lengths[i], g, to);
                    }
                }
            }
            let panels = work.dcolumns.chunks_exact(d * width);
            for (panel, rows) in panels.zip(work.drows.chunks_exact_mut(m * d)) {
                rows.chunks_exact_mut(d).enumerate().for_each(|(i, to)| column(panel, width, i, to));
            }
            work.through_queries(simd, size, queries, dqueries);
        }
        *gradients.alpha += dalpha as f32;
        *gradients.beta += dbeta as f32;
    }
}

/// A row of cosines times the key's length becomes the gradient of the cosines over that length, from
/// the gradient of the weights. Returns the sums of the gradients of beta and of alpha.
#[inline(always)]
fn soften_back<S: Simd>(
    simd: S,
    row: &mut [f32],
    dweights: &[f32],
    inputs: Inputs,
    length: f32,
) -> [f32; 2] {
    let (zero, one) = (simd.splat_f32s(0.0), simd.splat_f32s(1.0));
    let (beta, alpha) = (simd.splat_f32s(inputs.beta), simd.splat_f32s(inputs.alpha));
    let length = simd.splat_f32s(length);
    let (mut total, mut weighed) = (zero, zero);
    along!(S, dweights.len(), |at, part| {
        let cos = simd.mul_f32s(Whole.load(simd, row, at), length);
        let s = part.keep(simd, sigmoid(simd, simd.mul_add_e_f32s(cos, alpha, beta)));
        total = simd.add_f32s(total, s);
        weighed = simd.mul_add_e_f32s(s, part.load(simd, dweights, at), weighed);
    });
    let total = simd.reduce_sum_f32s(total);
    let share = simd.splat_f32s(1.0 / total);
    let mean = simd.splat_f32s(simd.reduce_sum_f32s(weighed) / total);
    let (mut dalpha, mut dbeta) = (zero, zero);
    along!(S, dweights.len(), |at, part| {
        let cos = simd.mul_f32s(Whole.load(simd, row, at), length);
        let s = part.keep(simd, sigmoid(simd, simd.mul_add_e_f32s(cos, alpha, beta)));
        let ds = simd.mul_f32s(simd.sub_f32s(part.load(simd, dweights, at), mean), share);
        let dz = simd.mul_f32s(ds, simd.mul_f32s(s, simd.sub_f32s(one, s)));
        dbeta = simd.add_f32s(dbeta, dz);
        dalpha = simd.mul_add_e_f32s(dz, cos, dalpha);
        Whole.store(simd, row, at, simd.mul_f32s(simd.mul_f32s(dz, alpha), length));
    });
    [simd.reduce_sum_f32s(dbeta), simd.reduce_sum_f32s(dalpha)]
}
