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

    /// Overwrites `dx`, adds to `dweight` and `dbias`.
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
    ) {
        let (rows, c) = (images * self.rows, self.channels);
        assert!([x.len(), dy.len(), dx.len()] == [rows * c; 3]);
        assert!([weight.len(), dweight.len(), dbias.len()] == [c; 3]);
        backward(c, x, weight, dy, dx, dweight, dbias);
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
        for (row, to) in x.chunks_exact(c).zip(y.chunks_exact_mut(c)) {
            let (mean, scale) = statistics(simd, row);
            along!(S, c, |at, part| {
                let normal = simd.mul_f32s(simd.sub_f32s(part.load(simd, row, at), mean), scale);
                let (w, b) = (part.load(simd, weight, at), part.load(simd, bias, at));
                part.store(simd, to, at, simd.mul_add_e_f32s(normal, w, b));
            });
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
    ) {
        let share = simd.splat_f32s(1.0 / c as f32);
        let rows = x.chunks_exact(c).zip(dy.chunks_exact(c));
        for ((row, g), to) in rows.zip(dx.chunks_exact_mut(c)) {
            let (mean, scale) = statistics(simd, row);
            let (mut sum, mut along_normal) = (simd.splat_f32s(0.0), simd.splat_f32s(0.0));
            along!(S, c, |at, part| {
                let normal = simd.mul_f32s(simd.sub_f32s(part.load(simd, row, at), mean), scale);
                let g = part.load(simd, g, at);
                let inner = simd.mul_f32s(g, part.load(simd, weight, at));
                sum = simd.add_f32s(sum, inner);
                along_normal = simd.mul_add_e_f32s(inner, normal, along_normal);
                let dw = part.load(simd, dweight, at);
                part.store(simd, dweight, at, simd.mul_add_e_f32s(g, normal, dw));
                let db = part.load(simd, dbias, at);
                part.store(simd, dbias, at, simd.add_f32s(db, g));
            });
            let mean_inner = simd.mul_f32s(simd.splat_f32s(simd.reduce_sum_f32s(sum)), share);
            let total = simd.splat_f32s(simd.reduce_sum_f32s(along_normal));
            let slope = simd.mul_f32s(total, share);
            along!(S, c, |at, part| {
                let normal = simd.mul_f32s(simd.sub_f32s(part.load(simd, row, at), mean), scale);
                let inner = simd.mul_f32s(part.load(simd, g, at), part.load(simd, weight, at));
                let rest = simd.negate_mul_add_e_f32s(normal, slope, simd.sub_f32s(inner, mean_inner));
                part.store(simd, to, at, simd.mul_f32s(rest, scale));
            });
        }
    }
}

/// Mean and reciprocal deviation of a row, in every lane.
#[inline(always)]
fn statistics<S: Simd>(simd: S, row: &[f32]) -> (S::f32s, S::f32s) {
    let c = row.len() as f32;
    let mut sum = simd.splat_f32s(0.0);
    along!(S, row.len(), |at, part| sum = simd.add_f32s(sum, part.load(simd, row, at)));
    let mean = simd.splat_f32s(simd.reduce_sum_f32s(sum) / c);
    let mut squares = simd.splat_f32s(0.0);
    along!(S, row.len(), |at, part| {
        let centered = part.keep(simd, simd.sub_f32s(part.load(simd, row, at), mean));
        squares = simd.mul_add_e_f32s(centered, centered, squares);
    });
    let variance = simd.reduce_sum_f32s(squares) / c;
    (mean, simd.splat_f32s(1.0 / (variance + ops::LayerNorm::EPS as f32).sqrt()))
}
