//! Group norm with one group: the statistics are those of an image's whole map. The backward pass
//! takes them from `x` again.

use super::normal::{Normal, squares, sum};
use super::vector::vectorized;
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
            let normal = Normal::new(simd, statistics(simd, x, c));
            for (row, to) in x.chunks_exact(c).zip(y.chunks_exact_mut(c)) {
                normal.forward(simd, row, weight, bias, to);
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
            let normal = Normal::new(simd, statistics(simd, x, c));
            let mut sums = [0.0, 0.0];
            for (row, g) in x.chunks_exact(c).zip(dy.chunks_exact(c)) {
                let of_row = normal.sums(simd, row, weight, g, [&mut *dweight, &mut *dbias]);
                sums.iter_mut().zip(of_row).for_each(|(sum, of_row)| *sum += f64::from(of_row));
            }
            let means = sums.map(|sum| (sum * share) as f32);
            let rows = x.chunks_exact(c).zip(dy.chunks_exact(c));
            for ((row, g), to) in rows.zip(dx.chunks_exact_mut(c)) {
                normal.backward(simd, row, weight, g, means, to, false);
            }
        }
    }
}

/// Mean and reciprocal deviation of an image, `c` channels a row. A row is summed in `f32`, the rows
/// in `f64`: a map has many.
#[inline(always)]
fn statistics<S: Simd>(simd: S, x: &[f32], c: usize) -> [f32; 2] {
    let share = 1.0 / x.len() as f64;
    let mut total = 0.0;
    for row in x.chunks_exact(c) {
        total += f64::from(sum(simd, row));
    }
    let mean = (total * share) as f32;
    let mut total = 0.0;
    for row in x.chunks_exact(c) {
        total += f64::from(squares(simd, row, mean));
    }
    let variance = total * share;
    [mean, (1.0 / (variance + ops::GroupNorm::EPS).sqrt()) as f32]
}
