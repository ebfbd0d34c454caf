//! Division of every row by its length, `x / max(|x|, 1e-12)`, over the last dimension. At a zero row
//! the gradient is `g / 1e-12`, as in PyTorch.

use super::kernel::{Array, Kernel, Real, lanes};

pub struct Normalize;

const LEAST: f64 = 1e-12;

impl Kernel for Normalize {
    const NAME: &'static str = "normalize";

    fn shape(&self, dims: &[&[usize]]) -> Vec<usize> {
        dims[0].to_vec()
    }

    fn forward<T: Real>(&self, inputs: &[Array<T>], result: &mut [T]) {
        let (d, least) = (inputs[0].width(), T::from_f64(LEAST));
        for (row, to) in inputs[0].data.chunks_exact(d).zip(result.chunks_exact_mut(d)) {
            let length = lanes(d, |i| row[i] * row[i]).sqrt();
            let divisor = if length < least { least } else { length };
            for i in 0..d {
                to[i] = row[i] / divisor;
            }
        }
    }

    fn backward<T: Real>(&self, inputs: &[Array<T>], gradient: &[T], gradients: &mut [Vec<T>]) {
        let (d, least) = (inputs[0].width(), T::from_f64(LEAST));
        let rows = inputs[0].data.chunks_exact(d).zip(gradient.chunks_exact(d));
        for ((row, g), to) in rows.zip(gradients[0].chunks_exact_mut(d)) {
            let length = lanes(d, |i| row[i] * row[i]).sqrt();
            if length < least {
                (0..d).for_each(|i| to[i] = g[i] / least);
            } else {
                let along = lanes(d, |i| row[i] * g[i]) / (length * length);
                (0..d).for_each(|i| to[i] = (g[i] - row[i] * along) / length);
            }
        }
    }
}
