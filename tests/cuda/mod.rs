//! The CUDA kernels without a GPU: their values under emulation, and that all of them compile.

mod bench;
mod compiles;
mod emulator;
mod oracle;
mod step;
mod values;

use bench::Machine;

/// What there is to play a tape on.
fn machines() -> Vec<Machine> {
    let mut machines = Vec::new();
    if emulator::available() {
        machines.push(Machine::Emulator);
    }
    machines
}
