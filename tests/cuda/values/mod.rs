//! Every kernel against the reference executor, values and gradients, in every precision, over sizes
//! that divide nothing.

mod centers;
mod clusters;
mod convolutions;
mod maps;
mod norms;
mod products;
mod training;
mod views;

use super::bench::Bench;
use super::device;
use cluec::exec::cuda::tape::Precision;
use cluec::exec::random::{Random, Site};

/// How far results may be, in L2: rounding, and of bfloat16 that of one stored result.
fn bound(precision: Precision) -> f64 {
    match precision {
        Precision::F32 => 1e-5,
        Precision::Bf16 => 4e-3,
        Precision::F16 => 5e-4,
    }
}

/// Calls the test in every precision.
fn each(name: &str, test: impl Fn(&mut Bench, &mut Random)) {
    let Some(device) = device() else { return };
    for precision in [Precision::F32, Precision::Bf16, Precision::F16] {
        println!("{name} {precision:?}");
        test(&mut Bench::new(&device, precision), &mut Random::named(7, name, Site::Other));
    }
}

/// Of a gradient that was written and then added to itself.
fn halved(twice: &[f32]) -> Vec<f32> {
    twice.iter().map(|gx| gx / 2.0).collect()
}
