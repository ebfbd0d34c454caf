//! The CUDA kernels: their values under emulation and, where there is one, on a GPU; and that all of
//! them compile, which needs none.

mod bench;
mod compiles;
mod emulated;
mod emulator;
mod executor;
mod half;
mod oracle;
mod step;
mod values;

use bench::Machine;
use cluec::exec::cuda::device::Device;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// The checkout: these tests may be built elsewhere than where there is a GPU. Cargo tells it when they run.
fn root() -> PathBuf {
    let told = std::env::var_os("CARGO_MANIFEST_DIR");
    told.map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}

/// What there is to play a tape on.
fn machines() -> Vec<Machine> {
    let emulator = emulator::available().then_some(Machine::Emulator);
    emulator.into_iter().chain(device().map(|_| Machine::Device)).collect()
}

/// The first GPU, if there is one; said once if not. With `CLUEC_REQUIRE_GPU` set there has to be one.
fn device() -> Option<&'static Arc<Device>> {
    static DEVICE: OnceLock<Option<Arc<Device>>> = OnceLock::new();
    let open = || match Device::open(0) {
        Ok(device) => Some(device),
        Err(error) if std::env::var_os("CLUEC_REQUIRE_GPU").is_some() => panic!("{error}"),
        Err(error) => {
            println!("no GPU: {error}: skipped");
            None
        }
    };
    DEVICE.get_or_init(open).as_ref()
}
