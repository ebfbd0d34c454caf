//! Depth-wise convolution, stride 1: `[B, H, W, C]`, weight `[kh, kw, C]`, bias `[C]`.

use super::kernel::{Array, Kernel, Real, add_product, add_scaled};

pub struct Depthwise;

impl Depthwise {
    /// Calls `visit(to, from, tap)` with the offsets of every result pixel, of a pixel under its
    /// kernel and of that tap.
    fn pairs(dims: &[usize], taps: &[usize], mut visit: impl FnMut(usize, usize, usize)) {
        let [batch, h, w, channels] = [dims[0], dims[1], dims[2], dims[3]];
        for b in 0..batch {
            for (y, x) in (0..h).flat_map(|y| (0..w).map(move |x| (y, x))) {
                let to = ((b * h + y) * w + x) * channels;
                for ky in 0..taps[0] {
                    let from_y = (y + ky).wrapping_sub(taps[0] / 2);
                    if from_y >= h {
                        continue;
                    }
                    for kx in 0..taps[1] {
                        let from_x = (x + kx).wrapping_sub(taps[1] / 2);
                        if from_x < w {
                            let from = ((b * h + from_y) * w + from_x) * channels;
                            visit(to, from, (ky * taps[1] + kx) * channels);
                        }
                    }
                }
            }
        }
    }
}

impl Kernel for Depthwise {
    const NAME: &'static str = "depthwise";

    fn shape(&self, dims: &[&[usize]]) -> Vec<usize> {
        dims[0].to_vec()
    }

    fn forward<T: Real>(&self, inputs: &[Array<T>], result: &mut [T]) {
        let [x, weight, bias] = inputs else { return };
        let c = x.width();
        result.chunks_exact_mut(c).for_each(|row| row.copy_from_slice(bias.data));
        Self::pairs(x.dims, weight.dims, |to, from, tap| {
            let (pixel, taps) = (&x.data[from..from + c], &weight.data[tap..tap + c]);
            add_product(&mut result[to..to + c], pixel, taps);
        });
    }

    fn backward<T: Real>(&self, inputs: &[Array<T>], gradient: &[T], gradients: &mut [Vec<T>]) {
        let ([x, weight, _], [gx, gw, gb]) = (inputs, gradients) else { return };
        let c = x.width();
        gradient.chunks_exact(c).for_each(|row| add_scaled(gb, row, T::one()));
        Self::pairs(x.dims, weight.dims, |to, from, tap| {
            let row = &gradient[to..to + c];
            add_product(&mut gx[from..from + c], row, &weight.data[tap..tap + c]);
            add_product(&mut gw[tap..tap + c], row, &x.data[from..from + c]);
        });
    }
}
