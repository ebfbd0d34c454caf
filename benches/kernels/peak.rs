//! Multiplications and additions a core can do, from registers alone.

use super::least;
use cluec::exec::cpu::in_registers;
use std::time::Duration;

/// GFLOP/s at this moment.
pub fn gflops() -> f64 {
    let mut macs = 0;
    let seconds = least(Duration::from_millis(20), &mut || macs = in_registers(2000));
    2.0 * macs as f64 / seconds / 1e9
}
