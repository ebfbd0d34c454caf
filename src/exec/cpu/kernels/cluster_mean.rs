//! Centers become the mean of themselves and their pixels.

use super::adaptive_pool::AdaptivePool;
use super::tile::Lent;
use super::vector::{add_scaled, vectorized};
use crate::graph::Size;

/// `[H, W, C]` and an index for every pixel to `[gh, gw, C]`: `(sum of a center's pixels + adaptive
/// average) / (their number + 1)`.
#[derive(Debug, Clone, Copy)]
pub struct ClusterMean {
    pub map: Size,
    pub grid: Size,
    pub channels: usize,
}

impl ClusterMean {
    pub fn scratch(&self) -> usize {
        let [m, _] = self.counts();
        Lent::needed(&[m, m * self.channels])
    }

    pub fn forward(
        &self,
        images: usize,
        index: &[u32],
        x: &[f32],
        y: &mut [f32],
        scratch: &mut [f32],
    ) {
        self.check(images, index, x, y, scratch);
        forward(*self, index, x, y, scratch);
    }

    /// No gradient passes the index.
    pub fn backward(
        &self,
        images: usize,
        index: &[u32],
        dy: &[f32],
        dx: &mut [f32],
        scratch: &mut [f32],
    ) {
        self.check(images, index, dx, dy, scratch);
        backward(*self, index, dy, dx, scratch);
    }

    fn check(&self, images: usize, index: &[u32], map: &[f32], grid: &[f32], scratch: &[f32]) {
        let [m, n] = self.counts();
        assert_eq!(index.len(), images * n);
        assert_eq!(map.len(), images * n * self.channels);
        assert_eq!(grid.len(), images * m * self.channels);
        assert!(scratch.len() >= self.scratch());
    }

    /// Centers and pixels.
    fn counts(&self) -> [usize; 2] {
        [self.grid, self.map].map(|[rows, columns]| rows * columns)
    }

    fn pool(&self) -> AdaptivePool {
        AdaptivePool { map: self.map, grid: self.grid, channels: self.channels }
    }
}

/// One over one more than the pixels of every center.
#[inline(always)]
fn shares(index: &[u32], shares: &mut [f32]) {
    shares.fill(1.0);
    index.iter().for_each(|&center| shares[center as usize] += 1.0);
    shares.iter_mut().for_each(|count| *count = 1.0 / *count);
}

vectorized! {
    fn forward<S>(
        simd,
        size: ClusterMean,
        index: &'a [u32],
        x: &'a [f32],
        y: &'a mut [f32],
        scratch: &'a mut [f32],
    ) {
        let ([m, n], c) = (size.counts(), size.channels);
        let share = Lent::new(scratch).take(m);
        let images = x.chunks_exact(n * c).zip(y.chunks_exact_mut(m * c));
        for ((x, y), index) in images.zip(index.chunks_exact(n)) {
            shares(index, share);
            size.pool().forward(1, x, y);
            for (row, &center) in x.chunks_exact(c).zip(index) {
                add_scaled(simd, &mut y[center as usize * c..][..c], row, 1.0);
            }
            for (row, &share) in y.chunks_exact_mut(c).zip(&*share) {
                row.iter_mut().for_each(|x| *x *= share);
            }
        }
    }

    fn backward<S>(
        simd,
        size: ClusterMean,
        index: &'a [u32],
        dy: &'a [f32],
        dx: &'a mut [f32],
        scratch: &'a mut [f32],
    ) {
        let ([m, n], c) = (size.counts(), size.channels);
        let mut lent = Lent::new(scratch);
        let (share, g) = (lent.take(m), lent.take(m * c));
        let images = dy.chunks_exact(m * c).zip(dx.chunks_exact_mut(n * c));
        for ((dy, dx), index) in images.zip(index.chunks_exact(n)) {
            shares(index, share);
            for ((to, row), &share) in g.chunks_exact_mut(c).zip(dy.chunks_exact(c)).zip(&*share) {
                to.iter_mut().zip(row).for_each(|(to, x)| *to = x * share);
            }
            size.pool().backward(1, g, dx);
            for (to, &center) in dx.chunks_exact_mut(c).zip(index) {
                add_scaled(simd, to, &g[center as usize * c..][..c], 1.0);
            }
        }
    }
}
