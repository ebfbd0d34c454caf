//! The kernels of clustering against the reference, in value and gradient, on every instruction set.

mod adaptive_pool;
mod assign;
mod attend;
mod cluster_mean;
mod dispatch_linear;
mod elementwise;
mod gate;
mod loss;
mod norms;
mod oracle;

use crate::guarded::guarded;
use cluec::exec::cpu::kernels::simd;
use cluec::exec::random::{Random, Site};

/// The same numbers for the same name.
fn random(name: &str, count: usize) -> Vec<f32> {
    let mut random = Random::named(11, name, Site::Other);
    guarded(|| (0..count).map(|_| random.normal() as f32).collect())
}

/// Runs a check on every instruction set of this machine.
fn on_each(check: impl Fn(&str)) {
    for (name, set) in simd::instructions() {
        simd::with(set, || guarded(|| check(name)));
    }
}

/// Fails unless `|found - expected|` is at most 1e-5 of `|expected|`, or 1e-7 where terms of size one
/// cancel: the direction of a single channel, say, can not turn.
fn close(what: &str, found: &[f32], expected: &[f32]) {
    close_within(what, found, expected, 1e-7);
}

/// The same with another error allowed where terms cancel.
fn close_within(what: &str, found: &[f32], expected: &[f32], least: f64) {
    near(what, found, expected, [1e-5, least]);
}

/// The same with other errors allowed, relative and where terms cancel.
fn near(what: &str, found: &[f32], expected: &[f32], [allowed, least]: [f64; 2]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let square = |x: f64| x * x;
    let norm: f64 = expected.iter().map(|&b| square(b.into())).sum::<f64>().sqrt();
    let pairs = found.iter().zip(expected);
    let error = pairs.map(|(&a, &b)| square(f64::from(a) - f64::from(b))).sum::<f64>().sqrt();
    assert!(error <= (allowed * norm).max(least), "{what}: off by {error} of {norm}");
}
