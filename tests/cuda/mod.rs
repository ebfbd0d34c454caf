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

use cluec::exec::cuda::device::Device;
use platform::Kind;
use std::path::Path;
use std::sync::Arc;

/// The first GPU, with a stream of its own; said if there is none, and with `CLUEC_REQUIRE_GPU` set a failure.
pub fn device() -> Option<Arc<Device>> {
    let device = platform::open().and_then(|kind| {
        let opened = match kind {
            Kind::Real => Device::open(0),
            // What is made for it is nothing for the user's cache.
            Kind::Emulated => {
                Device::with_cache(0, Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("kernels")))
            }
        };
        opened.map_err(|error| error.0)
    });
    match device {
        Ok(device) => Some(device),
        Err(error) if std::env::var_os("CLUEC_REQUIRE_GPU").is_some() => panic!("{error}"),
        Err(error) => {
            println!("no GPU: {error}: skipped");
            None
        }
    }
}
