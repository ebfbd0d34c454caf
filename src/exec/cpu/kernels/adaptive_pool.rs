//! Adaptive average pooling.

use super::vector::{Part, add_scaled, along, scaled, vectorized};
use crate::graph::{Size, ops};

/// `[H, W, C] -> [gh, gw, C]`.
#[derive(Debug, Clone, Copy)]
pub struct AdaptivePool {
    pub map: Size,
    pub grid: Size,
    pub channels: usize,
}

impl AdaptivePool {
    pub fn forward(&self, images: usize, x: &[f32], y: &mut [f32]) {
        self.check(images, x, y);
        forward(*self, x, y);
    }

    /// Overwrites `dx`, or `adds` to it.
    pub fn backward(&self, images: usize, dy: &[f32], dx: &mut [f32], adds: bool) {
        self.check(images, dx, dy);
        backward(*self, dy, dx, adds);
    }

    fn check(&self, images: usize, map: &[f32], grid: &[f32]) {
        let [h, w] = self.map;
        let [gh, gw] = self.grid;
        assert_eq!(map.len(), images * h * w * self.channels);
        assert_eq!(grid.len(), images * gh * gw * self.channels);
    }
}

vectorized! {
    fn forward<S>(simd, pool: AdaptivePool, x: &'a [f32], y: &'a mut [f32]) {
        let AdaptivePool { map: [h, w], grid: [gh, gw], channels } = pool;
        let (rows, columns) = (ops::AdaptivePool::bins(h, gh), ops::AdaptivePool::bins(w, gw));
        let images = x.chunks_exact(h * w * channels);
        for (x, y) in images.zip(y.chunks_exact_mut(gh * gw * channels)) {
            let mut cells = y.chunks_exact_mut(channels);
            for &(top, bottom) in &rows {
                for &(left, right) in &columns {
                    let Some(cell) = cells.next() else { return };
                    let share = simd.splat_f32s(share((top, bottom), (left, right)));
                    along!(S, channels, |at, part| {
                        let mut sum = simd.splat_f32s(0.0);
                        for y in top..bottom {
                            for pixel in y * w + left..y * w + right {
                                let row = &x[pixel * channels..][..channels];
                                sum = simd.add_f32s(sum, part.load(simd, row, at));
                            }
                        }
                        part.store(simd, cell, at, simd.mul_f32s(sum, share));
                    });
                }
            }
        }
    }

    fn backward<S>(simd, pool: AdaptivePool, dy: &'a [f32], dx: &'a mut [f32], adds: bool) {
        let AdaptivePool { map: [h, w], grid: [gh, gw], channels } = pool;
        let (rows, columns) = (ops::AdaptivePool::bins(h, gh), ops::AdaptivePool::bins(w, gw));
        let over: Vec<_> = (0..w).map(|x| covering(&columns, x)).collect();
        let images = dx.chunks_exact_mut(h * w * channels);
        for (dx, dy) in images.zip(dy.chunks_exact(gh * gw * channels)) {
            for (y, line) in dx.chunks_exact_mut(w * channels).enumerate() {
                let down = covering(&rows, y);
                for (over, to) in over.iter().zip(line.chunks_exact_mut(channels)) {
                    let mut first = !adds;
                    for i in down.clone() {
                        for j in over.clone() {
                            let cell = &dy[(i * gw + j) * channels..][..channels];
                            let share = share(rows[i], columns[j]);
                            if first {
                                scaled(simd, to, cell, share);
                            } else {
                                add_scaled(simd, to, cell, share);
                            }
                            first = false;
                        }
                    }
                }
            }
        }
    }
}

/// One over the pixels of a bin.
fn share(rows: (usize, usize), columns: (usize, usize)) -> f32 {
    1.0 / ((rows.1 - rows.0) * (columns.1 - columns.0)) as f32
}

/// The bins that hold a position: neighbors, as both ends of the bins grow, and never none.
fn covering(bins: &[(usize, usize)], position: usize) -> std::ops::Range<usize> {
    let first = bins.partition_point(|bin| bin.1 <= position);
    let end = bins.partition_point(|bin| bin.0 <= position);
    first..end
}
