//! The CUDA kernels and what launches them, on a GPU or, where there is none, on an emulated one.

mod bench;
mod executor;
mod half;
mod oracle;
mod platform;
mod program;
mod seen;
mod step;
mod values;

use cluec::exec::cuda::compile::Compiling;
use cluec::exec::cuda::device::Device;
use platform::Kind;
use std::sync::Arc;

/// The first GPU, with a stream of its own; said if there is none, and with `CLUEC_REQUIRE_GPU` set a failure.
pub fn device() -> Option<Arc<Device>> {
    let device = match kind()? {
        Kind::Real => Device::open(0, Compiling::default()),
        // What is made for it is nothing for the user's cache.
        Kind::Emulated => {
            Device::open(0, Compiling { cache: platform::kernels().ok(), ..Compiling::default() })
        }
    };
    required(device.map_err(|error| error.0))
}

/// Which GPU there is; said as well.
fn kind() -> Option<Kind> {
    required(platform::open())
}

/// What there is if there is a GPU.
fn required<T>(found: Result<T, String>) -> Option<T> {
    match found {
        Ok(found) => Some(found),
        Err(error) if std::env::var_os("CLUEC_REQUIRE_GPU").is_some() => panic!("{error}"),
        Err(error) => {
            println!("no GPU: {error}: skipped");
            None
        }
    }
}
