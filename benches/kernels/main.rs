//! Time of the CPU's kernels on one core, beside what the core can do at the same moment.
//!
//! `cargo bench --bench kernels [-- TEXT…]` prints a line per operation and shape that has one of the
//! texts in it: µs, GFLOP/s, and the share of the peak of vectors, which is measured anew before every
//! line, or GB/s for what mostly moves memory. Times are the least of many short repetitions, so that
//! other work on the machine disturbs little. On a matrix unit products go beyond that peak. Lines of
//! images are of eight of them, and say no rate.

mod clusters;
#[cfg(feature = "train")]
mod images;
mod maps;
mod peak;
mod products;

use cluec::exec::floats::Floats;
use std::time::{Duration, Instant};

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let mut table = Table { wanted };
    println!("{:<20} {:<28} {:>10} {:>9} {:>7}", "operation", "shape", "µs", "GFLOP/s", "of peak");
    products::run(&mut table);
    maps::run(&mut table);
    clusters::run(&mut table);
    #[cfg(feature = "train")]
    images::run(&mut table);
}

struct Table {
    wanted: Vec<String>,
}

impl Table {
    /// Measures `work`, which does `flops` operations, unless name and shape are not wanted.
    fn line(&mut self, name: &str, shape: &str, flops: usize, work: impl FnMut()) {
        let Some((peak, seconds)) = self.measure(&format!("{name} {shape}"), work) else { return };
        let rate = flops as f64 / seconds / 1e9;
        println!(
            "{name:<20} {shape:<28} {:>10.1} {rate:>9.1} {:>6.0}%",
            seconds * 1e6,
            rate / peak * 100.0
        );
    }

    /// The same for what only moves memory: the rate is in GB/s.
    fn bytes(&mut self, name: &str, shape: &str, bytes: usize, work: impl FnMut()) {
        let Some((_, seconds)) = self.measure(&format!("{name} {shape}"), work) else { return };
        let rate = bytes as f64 / seconds / 1e9;
        println!("{name:<20} {shape:<28} {:>10.1} {rate:>9.1} GB/s", seconds * 1e6);
    }

    /// The peak and the seconds of a call.
    fn measure(&mut self, name: &str, mut work: impl FnMut()) -> Option<(f64, f64)> {
        let chosen = |wanted: &String| name.contains(wanted.as_str());
        if !self.wanted.is_empty() && !self.wanted.iter().any(chosen) {
            return None;
        }
        let peak = peak::gflops();
        Some((peak, least(Duration::from_millis(150), &mut work)))
    }
}

/// The least time of a call, in seconds, within a span of repetitions.
fn least(span: Duration, work: &mut impl FnMut()) -> f64 {
    let begin = Instant::now();
    let mut least = f64::INFINITY;
    let mut calls = 0;
    while calls < 5 || begin.elapsed() < span {
        let start = seconds();
        work();
        least = least.min(seconds() - start);
        calls += 1;
    }
    least
}

/// Seconds this thread has run: others' work does not count, even if a call is interrupted.
#[cfg(unix)]
fn seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time is there to be written.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Seconds since the first call.
#[cfg(not(unix))]
fn seconds() -> f64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64()
}

fn zeros(len: usize) -> Floats {
    Floats::zeros(len)
}

/// Numbers in -1..1.
fn numbers(n: usize) -> Floats {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let mut floats = zeros(n);
    floats.fill_with(&mut next);
    floats
}
