//! Dense convolution `[B, H, W, in] -> [B, H', W', out]`: patches laid out as rows, one matrix
//! product with the weight `[kh, kw, in, out]`.

use super::kernel::{Array, Kernel, Real, add_scaled, apply};
use super::linear::linear;
use crate::graph::Size;
use crate::graph::ops::Conv;
use candle_core::{Result, Tensor};

pub fn conv(op: &Conv, x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let (kh, kw, channels, out) = weight.dims4()?;
    let patches = apply(Unfold { kernel: op.kernel, stride: op.stride, pad: op.pad }, &[x])?;
    linear(&patches, &weight.reshape((kh * kw * channels, out))?, bias)
}

/// `[B, H, W, C] -> [B, H', W', kh kw C]`: the pixels under the kernel, zeros outside the map.
struct Unfold {
    kernel: Size,
    stride: usize,
    pad: usize,
}

impl Unfold {
    /// Calls `visit(pixel, patch)` with the offsets of every pair of pixels: in the map and in the
    /// patches.
    fn pairs(&self, dims: &[usize], mut visit: impl FnMut(usize, usize)) {
        let [batch, h, w, channels] = [dims[0], dims[1], dims[2], dims[3]];
        let out = |n: usize, k: usize| (n + 2 * self.pad - k) / self.stride + 1;
        let [oh, ow] = [out(h, self.kernel[0]), out(w, self.kernel[1])];
        let mut patch = 0;
        for b in 0..batch {
            for (oy, ox) in (0..oh).flat_map(|oy| (0..ow).map(move |ox| (oy, ox))) {
                for ky in 0..self.kernel[0] {
                    let y = (oy * self.stride + ky).wrapping_sub(self.pad);
                    for kx in 0..self.kernel[1] {
                        let x = (ox * self.stride + kx).wrapping_sub(self.pad);
                        if y < h && x < w {
                            visit(((b * h + y) * w + x) * channels, patch);
                        }
                        patch += channels;
                    }
                }
            }
        }
    }
}

impl Kernel for Unfold {
    const NAME: &'static str = "unfold";

    fn shape(&self, dims: &[&[usize]]) -> Vec<usize> {
        let out =
            |axis: usize| (dims[0][axis + 1] + 2 * self.pad - self.kernel[axis]) / self.stride + 1;
        vec![dims[0][0], out(0), out(1), self.kernel[0] * self.kernel[1] * dims[0][3]]
    }

    fn forward<T: Real>(&self, inputs: &[Array<T>], result: &mut [T]) {
        let channels = inputs[0].width();
        self.pairs(inputs[0].dims, |pixel, patch| {
            result[patch..patch + channels]
                .copy_from_slice(&inputs[0].data[pixel..pixel + channels]);
        });
    }

    fn backward<T: Real>(&self, inputs: &[Array<T>], gradient: &[T], gradients: &mut [Vec<T>]) {
        let channels = inputs[0].width();
        self.pairs(inputs[0].dims, |pixel, patch| {
            let to = &mut gradients[0][pixel..pixel + channels];
            add_scaled(to, &gradient[patch..patch + channels], T::one());
        });
    }
}
