//! Group norm with one group: a row is the whole map of an image, `[B, H, W, C]`; weight and bias
//! `[C]`.

use super::kernel::{Array, Kernel, Real, add_product, add_scaled, lanes};
use super::layer_norm::statistics;

pub struct GroupNorm;

/// Numbers of one image.
fn size<T>(x: &Array<T>) -> usize {
    x.dims.iter().skip(1).product()
}

impl Kernel for GroupNorm {
    const NAME: &'static str = "group_norm";

    fn shape(&self, dims: &[&[usize]]) -> Vec<usize> {
        dims[0].to_vec()
    }

    fn forward<T: Real>(&self, inputs: &[Array<T>], result: &mut [T]) {
        let [x, weight, bias] = inputs else { return };
        let (n, c) = (size(x), x.width());
        for (row, to) in x.data.chunks_exact(n).zip(result.chunks_exact_mut(n)) {
            let (mean, scale) = statistics(row);
            for i in 0..n {
                to[i] = (row[i] - mean) * scale * weight.data[i % c] + bias.data[i % c];
            }
        }
    }

    fn backward<T: Real>(&self, inputs: &[Array<T>], gradient: &[T], gradients: &mut [Vec<T>]) {
        let ([x, weight, _], [gx, gw, gb]) = (inputs, gradients) else { return };
        let (n, c) = (size(x), x.width());
        let count = T::from_f64(n as f64);
        let (mut normal, mut inner) = (vec![T::zero(); n], vec![T::zero(); n]);
        let rows = x.data.chunks_exact(n).zip(gradient.chunks_exact(n));
        for ((row, g), to) in rows.zip(gx.chunks_exact_mut(n)) {
            let (mean, scale) = statistics(row);
            for i in 0..n {
                normal[i] = (row[i] - mean) * scale;
                inner[i] = g[i] * weight.data[i % c];
            }
            let inner_mean = lanes(n, |i| inner[i]) / count;
            let along = lanes(n, |i| inner[i] * normal[i]) / count;
            for i in 0..n {
                to[i] = (inner[i] - inner_mean - normal[i] * along) * scale;
            }
            for (g, normal) in g.chunks_exact(c).zip(normal.chunks_exact(c)) {
                add_product(gw, g, normal);
                add_scaled(gb, g, T::one());
            }
        }
    }
}
