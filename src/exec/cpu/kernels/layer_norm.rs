//! Layer norm over the last dimension. The backward pass takes a row's statistics from `x` again.

use super::normal::{Normal, squares, sum};
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
                Normal::new(simd, [mean, scale]).forward(simd, row, weight, bias, to);
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
                let normal = Normal::new(simd, [mean, scale]);
                let sums = normal.sums(simd, row, weight, g, [&mut *dweight, &mut *dbias]);
                let means = sums.map(|sum| sum * share);
                normal.backward(simd, row, weight, g, means, to, adds);
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
        *mean = sum(simd, row) * share;
        *scale = squares(simd, row, *mean);
    }
    let (one, share) = (simd.splat_f32s(1.0), simd.splat_f32s(share));
    let eps = simd.splat_f32s(ops::LayerNorm::EPS as f32);
    along!(S, BLOCK, |at, part| {
        let variance = simd.mul_add_e_f32s(part.load(simd, &scales, at), share, eps);
        part.store(simd, &mut scales, at, simd.div_f32s(one, simd.sqrt_f32s(variance)));
    });
    (means, scales)
}
