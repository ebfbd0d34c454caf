//! Multiplications and additions a core can do, from registers alone.

use super::least;
use cluec::exec::cpu::kernels::simd::dispatch;
use pulp::{Simd, WithSimd};
use std::hint::black_box;
use std::time::Duration;

/// Chains side by side, enough to hide the latency.
const CHAINS: usize = 12;
const STEPS: usize = 2000;

/// GFLOP/s at this moment.
pub fn gflops() -> f64 {
    let mut lanes = 0;
    let seconds = least(Duration::from_millis(20), &mut || lanes = dispatch(Chains));
    (2 * lanes * CHAINS * STEPS) as f64 / seconds / 1e9
}

struct Chains;

impl WithSimd for Chains {
    /// Numbers in a vector.
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> usize {
        let (a, b) = (simd.splat_f32s(black_box(0.5)), simd.splat_f32s(black_box(1.0)));
        let mut sums = [simd.splat_f32s(0.0); CHAINS];
        for _ in 0..STEPS {
            for sum in &mut sums {
                *sum = simd.mul_add_e_f32s(*sum, a, b);
            }
        }
        black_box(sums);
        S::F32_LANES
    }
}
