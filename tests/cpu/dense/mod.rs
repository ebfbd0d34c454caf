mod conv;
mod depthwise;
mod ffn;
mod gelu;
mod linear;
mod narrow;
mod product;

use crate::guarded::guarded;
use cluec::exec::cpu::kernels::narrow::narrow as round;
use cluec::exec::cpu::kernels::product::{Matrix, pack, pack_transposed, packed_len};
use cluec::exec::cpu::kernels::simd;
use cluec::graph::Precision;

/// A matrix `[k, n]` as products read it.
pub fn packed(b: &[f32], k: usize, n: usize) -> Vec<f32> {
    let mut data = garbage(packed_len(k, n));
    pack(Matrix::new(b, k, n), &mut data);
    data
}

/// The transpose of a matrix `[k, n]` as products read it.
pub fn packed_transposed(b: &[f32], k: usize, n: usize) -> Vec<f32> {
    let mut data = garbage(packed_len(n, k));
    pack_transposed(Matrix::new(b, k, n), &mut data);
    data
}

/// Numbers in -1..1, the same for the same seed.
pub fn numbers(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f64 / f64::from(1 << 23) - 1.0) as f32
    };
    guarded(|| (0..n).map(|_| next()).collect())
}

/// The same for scratch and results, which are to be overwritten: nothing may survive of it.
pub fn garbage(n: usize) -> Vec<f32> {
    guarded(|| vec![f32::NAN; n])
}

pub fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

/// Relative L2 distance at most `allowed`.
pub fn close(name: &str, found: &[f32], expected: &[f64], allowed: f64) {
    assert_eq!(found.len(), expected.len(), "{name}");
    let norm: f64 = expected.iter().map(|x| x * x).sum::<f64>().sqrt();
    let pairs = found.iter().zip(expected);
    let error: f64 = pairs.map(|(&a, &b)| (f64::from(a) - b).powi(2)).sum::<f64>().sqrt();
    assert!(error <= allowed * norm.max(1e-30), "{name}: {error} of {norm}");
}

/// Calls `test` once per instruction set, with its name.
pub fn everywhere(test: impl Fn(&str)) {
    for (name, set) in simd::instructions() {
        simd::with(set, || guarded(|| test(name)));
    }
}

/// Calls `test` once per instruction set and precision of what products read, with its name and what
/// gives numbers of that precision.
pub fn each_way(test: impl Fn(&str, &dyn Fn(usize, u64) -> Vec<f32>)) {
    everywhere(|arch| {
        for precision in [Precision::F32, Precision::Bf16] {
            simd::in_precision(precision, || {
                test(&format!("{arch} {precision:?}"), &|n, seed| {
                    let mut numbers = numbers(n, seed);
                    round(precision, &mut numbers);
                    numbers
                });
            });
        }
    });
}

/// `[rows, k]` by `[k, n]`.
pub fn product(a: &[f64], b: &[f64], [rows, k, n]: [usize; 3]) -> Vec<f64> {
    let mut out = vec![0.0; rows * n];
    for i in 0..rows {
        for p in 0..k {
            for j in 0..n {
                out[i * n + j] += a[i * k + p] * b[p * n + j];
            }
        }
    }
    out
}

/// The transpose of `[rows, columns]`.
pub fn transpose(a: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    (0..rows * columns).map(|i| a[i % rows * columns + i / rows]).collect()
}

/// GELU and its derivative.
pub fn gelu(x: f64) -> (f64, f64) {
    let phi = 0.5 * erfc(-x / 2f64.sqrt());
    (x * phi, phi + x * (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt())
}

/// The complementary error function to full relative precision, by its series and, beyond two, its
/// continued fraction.
fn erfc(x: f64) -> f64 {
    if x < 0.0 {
        return 2.0 - erfc(-x);
    }
    let scale = (-x * x).exp() / std::f64::consts::PI.sqrt();
    if x < 2.0 {
        let (mut term, mut sum, mut n) = (x, x, 0.0);
        while term > sum * 1e-17 {
            n += 1.0;
            term *= 2.0 * x * x / (2.0 * n + 1.0);
            sum += term;
        }
        return 1.0 - 2.0 * scale * sum;
    }
    let tail = (1..=200).rev().fold(0.0, |tail, n| 0.5 * f64::from(n) / (x + tail));
    scale / (x + tail)
}
