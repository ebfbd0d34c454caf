//! Adaptive average pooling `[B, H, W, C] -> [B, gh, gw, C]`.

use super::kernel::{Array, Kernel, Real, add_scaled};
use crate::graph::{Size, ops};

pub struct AdaptivePool {
    pub grid: Size,
}

impl AdaptivePool {
    /// Calls `visit(cell, pixel, weight)` with the offsets of every grid cell and a pixel of its bin.
    fn pairs(&self, dims: &[usize], mut visit: impl FnMut(usize, usize, f64)) {
        let [batch, h, w, channels] = [dims[0], dims[1], dims[2], dims[3]];
        let rows = ops::AdaptivePool::bins(h, self.grid[0]);
        let columns = ops::AdaptivePool::bins(w, self.grid[1]);
        let mut cell = 0;
        for b in 0..batch {
            for &(top, bottom) in &rows {
                for &(left, right) in &columns {
                    let weight = 1.0 / ((bottom - top) * (right - left)) as f64;
                    for y in top..bottom {
                        for x in left..right {
                            visit(cell, ((b * h + y) * w + x) * channels, weight);
                        }
                    }
                    cell += channels;
                }
            }
        }
    }
}

impl Kernel for AdaptivePool {
    const NAME: &'static str = "adaptive_pool";

    fn shape(&self, dims: &[&[usize]]) -> Vec<usize> {
        vec![dims[0][0], self.grid[0], self.grid[1], dims[0][3]]
    }

    fn forward<T: Real>(&self, inputs: &[Array<T>], result: &mut [T]) {
        let (x, c) = (inputs[0].data, inputs[0].width());
        self.pairs(inputs[0].dims, |cell, pixel, weight| {
            add_scaled(&mut result[cell..cell + c], &x[pixel..pixel + c], T::from_f64(weight));
        });
    }

    fn backward<T: Real>(&self, inputs: &[Array<T>], gradient: &[T], gradients: &mut [Vec<T>]) {
        let c = inputs[0].width();
        self.pairs(inputs[0].dims, |cell, pixel, weight| {
            let to = &mut gradients[0][pixel..pixel + c];
            add_scaled(to, &gradient[cell..cell + c], T::from_f64(weight));
        });
    }
}
