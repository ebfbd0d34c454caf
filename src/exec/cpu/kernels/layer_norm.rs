//! Layer norm over the last dimension. The backward pass takes a row's statistics from `x` again.

use super::vector::{Part, along, vectorized};
use crate::graph::ops;
use pulp::Simd;

/// A row is one pixel's channels.
#[derive(Debug, Clone, Copy)]
pub struct LayerNorm {
    /// Rows of one image.
    pub rows: usize,
    pub channels: usize,
}

impl LayerNorm {
    pub fn forward(&self, images: usize, x: &[f32], weight: &[f32], bias: &[f32], y: &mut [f32]) {
        let (rows, c) = (images * self.rows, self.channels);
        assert!([x.len(), y.len()] == [rows * c; 2] && [weight.len(), bias.len()] == [c; 2]);
        forward(c, x, weight, bias, y);
    }

    /// Overwrites `dx`, or `adds` to it; adds to `dweight` and `dbias`.
    #[allow(clippy::too_many_arguments)]
    pub fn backward(
        &self,
        images: usize,
        x: &[f32],
        weight: &[f32],
        dy: &[f32],
        dx: &mut [f32],
        dweight: &mut [f32],
        dbias: &mut [f32],
        adds: bool,
    ) {
        let (rows, c) = (images * self.rows, self.channels);
        assert!([x.len(), dy.len(), dx.len()] == [rows * c; 3]);
        assert!([weight.len(), dweight.len(), dbias.len()] == [c; 3]);
        backward(c, x, weight, dy, dx, dweight, dbias, adds);
    }
}

vectorized! {
    fn forward<S>(
        simd,
        c: usize,
        x: &'a [f32],
        weight: &'a [f32],
        bias: &'a [f32],
        y: &'a mut [f32],
    ) {
        for (x, y) in x.chunks(BLOCK * c).zip(y.chunks_mut(BLOCK * c)) {
            let (means, scales) = statistics(simd, x, c);
            let rows = x.chunks_exact(c).zip(y.chunks_exact_mut(c));
            for ((row, to), (mean, scale)) in rows.zip(means.into_iter().zip(scales)) {
                let (mean, scale) = (simd.splat_f32s(mean), simd.splat_f32s(scale));
                along!(S, c, |at, part| {
                    let centered = simd.sub_f32s(part.load(simd, row, at), mean);
                    let (w, b) = (part.load(simd, weight, at), part.load(simd, bias, at));
                    let y = simd.mul_add_e_f32s(simd.mul_f32s(centered, scale), w, b);
                    part.store(simd, to, at, y);
                });
            }
        }
    }

    fn backward<S>(
        simd,
        c: usize,
        x: &'a [f32],
        weight: &'a [f32],
        dy: &'a [f32],
        dx: &'a mut [f32],
        dweight: &'a mut [f32],
        dbias: &'a mut [f32],
        adds: bool,
    ) {
        let share = 1.0 / c as f32;
        let blocks = x.chunks(BLOCK * c).zip(dy.chunks(BLOCK * c));
        for ((x, dy), dx) in blocks.zip(dx.chunks_mut(BLOCK * c)) {
            let (means, scales) = statistics(simd, x, c);
            let rows = x.chunks_exact(c).zip(dy.chunks_exact(c)).zip(dx.chunks_exact_mut(c));
            for (((row, g), to), (mean, scale)) in rows.zip(means.into_iter().zip(scales)) {
                let (mean, scale) = (simd.splat_f32s(mean), simd.splat_f32s(scale));
                let (mut sum, mut along_normal) = (simd.splat_f32s(0.0), simd.splat_f32s(0.0));
                along!(S, c, |at, part| {
                    let centered = simd.sub_f32s(part.load(simd, row, at), mean);
                    let normal = simd.mul_f32s(centered, scale);
                    let g = part.load(simd, g, at);
                    let inner = simd.mul_f32s(g, part.load(simd, weight, at));
                    sum = simd.add_f32s(sum, inner);
                    along_normal = simd.mul_add_e_f32s(inner, normal, along_normal);
                    let dw = part.load(simd, dweight, at);
                    part.store(simd, dweight, at, simd.mul_add_e_f32s(g, normal, dw));
                    let db = part.load(simd, dbias, at);
                    part.store(simd, dbias, at, simd.add_f32s(db, g));
                });
                let mean_inner = simd.splat_f32s(simd.reduce_sum_f32s(sum) * share);
                let slope = simd.splat_f32s(simd.reduce_sum_f32s(along_normal) * share);
                along!(S, c, |at, part| {
                    let centered = simd.sub_f32s(part.load(simd, row, at), mean);
                    let normal = simd.mul_f32s(centered, scale);
                    let inner = simd.mul_f32s(part.load(simd, g, at), part.load(simd, weight, at));
                    let rest = simd.sub_f32s(inner, mean_inner);
                    let rest = simd.negate_mul_add_e_f32s(normal, slope, rest);
                    let before =
                        if adds { part.load(simd, to, at) } else { simd.splat_f32s(0.0) };
                    part.store(simd, to, at, simd.mul_add_e_f32s(rest, scale, before));
                });
            }
        }
    }
}

/// Rows whose statistics are found together.
const BLOCK: usize = 16;

/// Means and reciprocal deviations of up to a block of rows.
#[inline(always)]
fn statistics<S: Simd>(simd: S, x: &[f32], c: usize) -> ([f32; BLOCK], [f32; BLOCK]) {
    let (mut means, mut scales) = ([0.0; BLOCK], [0.0; BLOCK]);
    let share = 1.0 / c as f32;
    for ((row, mean), scale) in x.chunks_exact(c).zip(&mut means).zip(&mut scales) {
        let mut sum = simd.splat_f32s(0.0);
        along!(S, c, |at, part| sum = simd.add_f32s(sum, part.load(simd, row, at)));
        *mean = simd.reduce_sum_f32s(sum) * share;
        let center = simd.splat_f32s(*mean);
        let mut squares = simd.splat_f32s(0.0);
        along!(S, c, |at, part| {
            let centered = part.keep(simd, simd.sub_f32s(part.load(simd, row, at), center));
            squares = simd.mul_add_e_f32s(centered, centered, squares);
        });
        *scale = simd.reduce_sum_f32s(squares);
    }
    let (one, share) = (simd.splat_f32s(1.0), simd.splat_f32s(share));
    let eps = simd.splat_f32s(ops::LayerNorm::EPS as f32);
    along!(S, BLOCK, |at, part| {
        let variance = simd.mul_add_e_f32s(part.load(simd, &scales, at), share, eps);
        part.store(simd, &mut scales, at, simd.div_f32s(one, simd.sqrt_f32s(variance)));
    });
    (means, scales)
}
