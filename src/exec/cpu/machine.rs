//! What one core can do, measured: the ceilings that kernels are compared with.

use super::kernels::product::at_work;
use super::kernels::simd::{Products, dispatch, in_precision, products};
use crate::exec::Machine;
use crate::graph::Precision;
use pulp::{Simd, WithSimd};
use std::hint::black_box;
use std::time::Instant;

/// Measures for some tenths of a second, with products of this precision.
pub fn machine(precision: Precision) -> Machine {
    in_precision(precision, measured)
}

fn measured() -> Machine {
    let best = |work: &mut dyn FnMut() -> f64| (0..5).map(|_| work()).fold(0.0, f64::max);
    let mut from = vec![1f32; COPY];
    let mut to = vec![0f32; COPY];
    let bytes = best(&mut || {
        let start = Instant::now();
        to.copy_from_slice(black_box(&from));
        let seconds = start.elapsed().as_secs_f64();
        from[0] = black_box(to[1]);
        2.0 * 4.0 * COPY as f64 / seconds
    });
    let rate = |work: &dyn Fn() -> usize| {
        best(&mut || {
            let start = Instant::now();
            let count = work();
            count as f64 / start.elapsed().as_secs_f64()
        })
    };
    let name = match products() {
        Products::Vectors => "one core, in registers",
        Products::Pairs => "one core, in registers, of bf16",
        Products::EmulatedUnit => "one core, on an emulated matrix unit",
        Products::MatrixUnit => "one core, on its matrix unit",
    };
    let vectors = rate(&|| in_registers(ROUNDS));
    let of_matrices = match products() {
        Products::Vectors => vectors,
        _ => rate(&|| at_work().unwrap_or_else(|| in_registers(ROUNDS))),
    };
    Machine { name, products: of_matrices, vectors, bytes }
}

/// Floats copied: 64 MiB, more than caches near a core hold.
const COPY: usize = 16 << 20;
const ROUNDS: usize = 1 << 20;

/// How many multiply-accumulates this core has just done in registers: so many `rounds` of a few
/// vectors.
pub fn in_registers(rounds: usize) -> usize {
    dispatch(Peak { rounds })
}

struct Peak {
    rounds: usize,
}

impl Peak {
    /// Sums side by side: enough to hide the latency, and few enough for any set of registers.
    const SUMS: usize = 12;
}

impl WithSimd for Peak {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> usize {
        let factor = simd.splat_f32s(black_box(0.999));
        let mut sums = [simd.splat_f32s(black_box(1.0)); Peak::SUMS];
        for _ in 0..self.rounds {
            for sum in &mut sums {
                *sum = simd.mul_add_e_f32s(*sum, factor, factor);
            }
        }
        black_box(sums);
        self.rounds * sums.len() * S::F32_LANES
    }
}
