//! GELU in its exact form, `x Phi(x)`.

use super::kernel::{Array, Kernel, Real};
use std::f64::consts::{FRAC_1_SQRT_2, PI};

pub struct Gelu;

/// The normal distribution function.
fn phi<T: Real>(x: T) -> T {
    (T::one() + (x * T::from_f64(FRAC_1_SQRT_2)).erf()) * T::from_f64(0.5)
}

impl Kernel for Gelu {
    const NAME: &'static str = "gelu";

    fn shape(&self, dims: &[&[usize]]) -> Vec<usize> {
        dims[0].to_vec()
    }

    fn forward<T: Real>(&self, inputs: &[Array<T>], result: &mut [T]) {
        for (to, &x) in result.iter_mut().zip(inputs[0].data) {
            *to = x * phi(x);
        }
    }

    fn backward<T: Real>(&self, inputs: &[Array<T>], gradient: &[T], gradients: &mut [Vec<T>]) {
        let (half, density) = (T::from_f64(-0.5), T::from_f64(1.0 / (2.0 * PI).sqrt()));
        for ((to, &x), &g) in gradients[0].iter_mut().zip(inputs[0].data).zip(gradient) {
            *to = g * (phi(x) + x * density * (half * x * x).exp());
        }
    }
}
