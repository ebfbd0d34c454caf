//! Group norm with one group: the statistics are those of an image's whole map. The backward pass
//! takes them from `x` again.

use super::vector::{Part, along, vectorized};
use crate::graph::ops;
use pulp::Simd;

/// `[pixels, channels]`.
#[derive(Debug, Clone, Copy)]
pub struct GroupNorm {
    pub pixels: usize,
    pub channels: usize,
}

impl GroupNorm {
    pub fn forward(&self, images: usize, x: &[f32], weight: &[f32], bias: &[f32], y: &mut [f32]) {
        assert_eq!([x.len(), y.len()], [images * self.size(); 2]);
        assert_eq!([weight.len(), bias.len()], [self.channels; 2]);
        forward(*self, x, weight, bias, y);
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
        assert_eq!([x.len(), dy.len(), dx.len()], [images * self.size(); 3]);
        assert_eq!([weight.len(), dweight.len(), dbias.len()], [self.channels; 3]);
        backward(*self, x, weight, dy, dx, dweight, dbias);
    }

    /// Numbers of an image.
    fn size(&self) -> usize {
        self.pixels * self.channels
    }
}

vectorized! {
    fn forward<S>(
        simd,
        size: GroupNorm,
        x: &'a [f32],
        weight: &'a [f32],
        bias: &'a [f32],
        y: &'a mut [f32],
    ) {
        let c = size.channels;
        for (x, y) in x.chunks_exact(size.size()).zip(y.chunks_exact_mut(size.size())) {
            let [mean, scale] = statistics(simd, x, c).map(|x| simd.splat_f32s(x));
            for (row, to) in x.chunks_exact(c).zip(y.chunks_exact_mut(c)) {
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
        size: GroupNorm,
        x: &'a [f32],
        weight: &'a [f32],
        dy: &'a [f32],
        dx: &'a mut [f32],
        dweight: &'a mut [f32],
        dbias: &'a mut [f32],
    ) {
        let c = size.channels;
        let share = 1.0 / size.size() as f64;
        let images = x.chunks_exact(size.size()).zip(dy.chunks_exact(size.size()));
        for ((x, dy), dx) in images.zip(dx.chunks_exact_mut(size.size())) {
            let [mean, scale] = statistics(simd, x, c).map(|x| simd.splat_f32s(x));
            let mut sums = [0.0, 0.0];
            for (row, g) in x.chunks_exact(c).zip(dy.chunks_exact(c)) {
                let mut row_sums = [simd.splat_f32s(0.0); 2];
                along!(S, c, |at, part| {
                    let centered = part.keep(simd, simd.sub_f32s(part.load(simd, row, at), mean));
                    let normal = simd.mul_f32s(centered, scale);
                    let g = part.load(simd, g, at);
                    let inner = simd.mul_f32s(g, part.load(simd, weight, at));
                    row_sums[0] = simd.add_f32s(row_sums[0], inner);
                    row_sums[1] = simd.mul_add_e_f32s(inner, normal, row_sums[1]);
                    let dw = part.load(simd, dweight, at);
                    part.store(simd, dweight, at, simd.mul_add_e_f32s(g, normal, dw));
                    let db = part.load(simd, dbias, at);
                    part.store(simd, dbias, at, simd.add_f32s(db, g));
                });
                for (sum, row) in sums.iter_mut().zip(row_sums) {
                    *sum += f64::from(simd.reduce_sum_f32s(row));
                }
            }
            let [inner, slope] = sums.map(|sum| simd.splat_f32s((sum * share) as f32));
            let rows = x.chunks_exact(c).zip(dy.chunks_exact(c));
            for ((row, g), to) in rows.zip(dx.chunks_exact_mut(c)) {
                along!(S, c, |at, part| {
                    let centered = simd.sub_f32s(part.load(simd, row, at), mean);
                    let normal = simd.mul_f32s(centered, scale);
                    let g = simd.mul_f32s(part.load(simd, g, at), part.load(simd, weight, at));
                    let rest = simd.sub_f32s(g, inner);
                    let rest = simd.negate_mul_add_e_f32s(normal, slope, rest);
                    part.store(simd, to, at, simd.mul_f32s(rest, scale));
                });
            }
        }
    }
}

/// Mean and reciprocal deviation of an image, `c` channels a row. A row is summed in `f32`, the rows
/// in `f64`: a map has many.
#[inline(always)]
fn statistics<S: Simd>(simd: S, x: &[f32], c: usize) -> [f32; 2] {
    let share = 1.0 / x.len() as f64;
    let mut sum = 0.0;
    for row in x.chunks_exact(c) {
        let mut of_row = simd.splat_f32s(0.0);
        along!(S, c, |at, part| of_row = simd.add_f32s(of_row, part.load(simd, row, at)));
        sum += f64::from(simd.reduce_sum_f32s(of_row));
    }
    let mean = (sum * share) as f32;
    let center = simd.splat_f32s(mean);
    let mut squares = 0.0;
    for row in x.chunks_exact(c) {
        let mut of_row = simd.splat_f32s(0.0);
        along!(S, c, |at, part| {
            let centered = part.keep(simd, simd.sub_f32s(part.load(simd, row, at), center));
            of_row = simd.mul_add_e_f32s(centered, centered, of_row);
        });
        squares += f64::from(simd.reduce_sum_f32s(of_row));
    }
    [mean, (1.0 / (squares * share + ops::GroupNorm::EPS).sqrt()) as f32]
}
