//! Layer norm over the last dimension: biased variance, affine; inputs `x`, weight and bias `[C]`.

use super::kernel::{Array, Kernel, Real, add_product, add_scaled, lanes};
use crate::graph::ops;

pub struct LayerNorm;

/// Mean and reciprocal deviation of a row.
pub fn statistics<T: Real>(row: &[T]) -> (T, T) {
    let n = T::from_f64(row.len() as f64);
    let mean = lanes(row.len(), |i| row[i]) / n;
    let variance = lanes(row.len(), |i| (row[i] - mean) * (row[i] - mean)) / n;
    (mean, T::one() / (variance + T::from_f64(ops::LayerNorm::EPS)).sqrt())
}

impl Kernel for LayerNorm {
    const NAME: &'static str = "layer_norm";

    fn shape(&self, dims: &[&[usize]]) -> Vec<usize> {
        dims[0].to_vec()
    }

    fn forward<T: Real>(&self, inputs: &[Array<T>], result: &mut [T]) {
        let [x, weight, bias] = inputs else { return };
        let c = x.width();
        for (row, to) in x.data.chunks_exact(c).zip(result.chunks_exact_mut(c)) {
            let (mean, scale) = statistics(row);
            for i in 0..c {
                to[i] = (row[i] - mean) * scale * weight.data[i] + bias.data[i];
            }
        }
    }

    fn backward<T: Real>(&self, inputs: &[Array<T>], gradient: &[T], gradients: &mut [Vec<T>]) {
        let ([x, weight, _], [gx, gw, gb]) = (inputs, gradients) else { return };
        let c = x.width();
        let n = T::from_f64(c as f64);
        let (mut normal, mut inner) = (vec![T::zero(); c], vec![T::zero(); c]);
        let rows = x.data.chunks_exact(c).zip(gradient.chunks_exact(c));
        for ((row, g), to) in rows.zip(gx.chunks_exact_mut(c)) {
            let (mean, scale) = statistics(row);
            for i in 0..c {
                normal[i] = (row[i] - mean) * scale;
                inner[i] = g[i] * weight.data[i];
            }
            let inner_mean = lanes(c, |i| inner[i]) / n;
            let along = lanes(c, |i| inner[i] * normal[i]) / n;
            for i in 0..c {
                to[i] = (inner[i] - inner_mean - normal[i] * along) * scale;
            }
            add_product(gw, g, &normal);
            add_scaled(gb, g, T::one());
        }
    }
}
