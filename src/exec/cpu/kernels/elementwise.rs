//! Sums, residuals, means: one pass over memory.

use super::vector::{Part, add_scaled, along, scaled, vectorized};
use crate::graph::Size;

vectorized! {
    /// `y = a + b`
    pub fn add<S>(simd, a: &'a [f32], b: &'a [f32], y: &'a mut [f32]) {
        assert_eq!([a.len(), b.len()], [y.len(); 2]);
        along!(S, y.len(), |at, part| {
            let sum = simd.add_f32s(part.load(simd, a, at), part.load(simd, b, at));
            part.store(simd, y, at, sum);
        });
    }

    /// `y += x`
    pub fn accumulate<S>(simd, x: &'a [f32], y: &'a mut [f32]) {
        assert_eq!(x.len(), y.len());
        add_scaled(simd, y, x, 1.0);
    }

    /// `y = (a + b) / 2`; the gradient of both is `scale(dy, 0.5)`.
    pub fn blend<S>(simd, a: &'a [f32], b: &'a [f32], y: &'a mut [f32]) {
        assert_eq!([a.len(), b.len()], [y.len(); 2]);
        let half = simd.splat_f32s(0.5);
        along!(S, y.len(), |at, part| {
            let sum = simd.add_f32s(part.load(simd, a, at), part.load(simd, b, at));
            part.store(simd, y, at, simd.mul_f32s(sum, half));
        });
    }

    /// `y = x factor`
    pub fn scale<S>(simd, x: &'a [f32], factor: f32, y: &'a mut [f32]) {
        assert_eq!(x.len(), y.len());
        scaled(simd, y, x, factor);
    }

    /// `y = x factors[image]`: drop path, and its gradient.
    pub fn scale_images<S>(simd, x: &'a [f32], factors: &'a [f32], y: &'a mut [f32]) {
        let size = image_size(y, factors.len());
        assert_eq!(x.len(), y.len());
        let images = x.chunks_exact(size).zip(y.chunks_exact_mut(size));
        for ((x, y), &factor) in images.zip(factors) {
            scaled(simd, y, x, factor);
        }
    }

    /// `y = x + branch factors[image]`: a residual connection with drop path. The gradient of `x` is
    /// `dy`, that of the branch `scale_images(dy, factors)`.
    pub fn residual<S>(
        simd,
        x: &'a [f32],
        branch: &'a [f32],
        factors: &'a [f32],
        y: &'a mut [f32],
    ) {
        let size = image_size(y, factors.len());
        assert_eq!([x.len(), branch.len()], [y.len(); 2]);
        let images = x.chunks_exact(size).zip(branch.chunks_exact(size));
        for (((x, branch), y), &factor) in images.zip(y.chunks_exact_mut(size)).zip(factors) {
            let factor = simd.splat_f32s(factor);
            along!(S, size, |at, part| {
                let (x, branch) = (part.load(simd, x, at), part.load(simd, branch, at));
                part.store(simd, y, at, simd.mul_add_e_f32s(branch, factor, x));
            });
        }
    }
}

fn image_size(all: &[f32], images: usize) -> usize {
    assert!(images > 0 && all.len().is_multiple_of(images));
    all.len() / images
}

/// A factor per channel, `[pixels, C] -> [pixels, C]`.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    pub channels: usize,
}

impl Scale {
    pub fn forward(&self, x: &[f32], weight: &[f32], y: &mut [f32]) {
        assert!(x.len() == y.len() && x.len().is_multiple_of(self.channels));
        assert_eq!(weight.len(), self.channels);
        scale_channels(x, weight, y);
    }

    /// Overwrites `dx`, adds to `dweight`.
    pub fn backward(
        &self,
        x: &[f32],
        weight: &[f32],
        dy: &[f32],
        dx: &mut [f32],
        dweight: &mut [f32],
    ) {
        self.forward(dy, weight, dx);
        assert_eq!([x.len(), dweight.len()], [dy.len(), self.channels]);
        collect_channels(x, dy, dweight);
    }
}

vectorized! {
    fn scale_channels<S>(simd, x: &'a [f32], weight: &'a [f32], y: &'a mut [f32]) {
        for (row, to) in x.chunks_exact(weight.len()).zip(y.chunks_exact_mut(weight.len())) {
            along!(S, weight.len(), |at, part| {
                let scaled = simd.mul_f32s(part.load(simd, row, at), part.load(simd, weight, at));
                part.store(simd, to, at, scaled);
            });
        }
    }

    /// `sums += the sum over the pixels of a b`
    fn collect_channels<S>(simd, a: &'a [f32], b: &'a [f32], sums: &'a mut [f32]) {
        let c = sums.len();
        along!(S, c, |at, part| {
            let mut sum = simd.splat_f32s(0.0);
            for (a, b) in a.chunks_exact(c).zip(b.chunks_exact(c)) {
                sum = simd.mul_add_e_f32s(part.load(simd, a, at), part.load(simd, b, at), sum);
            }
            part.store(simd, sums, at, simd.add_f32s(part.load(simd, sums, at), sum));
        });
    }
}

/// The mean over the pixels of every image, `[pixels, C] -> [C]`.
#[derive(Debug, Clone, Copy)]
pub struct Mean {
    pub pixels: usize,
    pub channels: usize,
}

impl Mean {
    pub fn forward(&self, images: usize, x: &[f32], y: &mut [f32]) {
        self.check(images, x, y);
        mean(*self, x, y);
    }

    pub fn backward(&self, images: usize, dy: &[f32], dx: &mut [f32]) {
        self.check(images, dx, dy);
        spread(*self, dy, dx);
    }

    fn check(&self, images: usize, map: &[f32], means: &[f32]) {
        assert_eq!(map.len(), images * self.pixels * self.channels);
        assert_eq!(means.len(), images * self.channels);
    }
}

vectorized! {
    fn mean<S>(simd, size: Mean, x: &'a [f32], y: &'a mut [f32]) {
        let Mean { pixels, channels } = size;
        let share = simd.splat_f32s(1.0 / pixels as f32);
        let images = x.chunks_exact(pixels * channels);
        for (x, y) in images.zip(y.chunks_exact_mut(channels)) {
            along!(S, channels, |at, part| {
                let mut sum = simd.splat_f32s(0.0);
                for row in x.chunks_exact(channels) {
                    sum = simd.add_f32s(sum, part.load(simd, row, at));
                }
                part.store(simd, y, at, simd.mul_f32s(sum, share));
            });
        }
    }

    fn spread<S>(simd, size: Mean, dy: &'a [f32], dx: &'a mut [f32]) {
        let Mean { pixels, channels } = size;
        let images = dx.chunks_exact_mut(pixels * channels);
        for (dx, dy) in images.zip(dy.chunks_exact(channels)) {
            for row in dx.chunks_exact_mut(channels) {
                scaled(simd, row, dy, 1.0 / pixels as f32);
            }
        }
    }
}

/// The coordinate of the `i`-th of `n` rows or columns.
pub(super) fn place(i: usize, n: usize) -> f32 {
    i as f32 / (n as f32 - 1.0) - 0.5
}

/// Appends a pixel's row and column to its channels, `[H, W, C] -> [H, W, C + 2]`; the map has at
/// least two of each.
#[derive(Debug, Clone, Copy)]
pub struct Coordinates {
    pub map: Size,
    pub channels: usize,
}

impl Coordinates {
    pub fn forward(&self, images: usize, x: &[f32], y: &mut [f32]) {
        self.check(images, x, y);
        let ([h, w], c) = (self.map, self.channels);
        let pixels = x.chunks_exact(c).zip(y.chunks_exact_mut(c + 2));
        for (n, (from, to)) in pixels.enumerate() {
            to[..c].copy_from_slice(from);
            to[c] = place(n / w % h, h);
            to[c + 1] = place(n % w, w);
        }
    }

    pub fn backward(&self, images: usize, dy: &[f32], dx: &mut [f32]) {
        self.check(images, dx, dy);
        let c = self.channels;
        for (to, from) in dx.chunks_exact_mut(c).zip(dy.chunks_exact(c + 2)) {
            to.copy_from_slice(&from[..c]);
        }
    }

    fn check(&self, images: usize, narrow: &[f32], wide: &[f32]) {
        let pixels = images * self.map[0] * self.map[1];
        assert_eq!(narrow.len(), pixels * self.channels);
        assert_eq!(wide.len(), pixels * (self.channels + 2));
    }
}
