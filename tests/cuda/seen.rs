//! What the emulated GPU sees: kernels with one fault each.

use super::platform;
use cluec::exec::cuda::device::Device;
use cluec::exec::cuda::tape::{Arg, Precision, Source, Tape, Unit};
use std::sync::Arc;

static FAULTS: Source = Source { name: "faults", text: include_str!("faults.cu") };

/// Bytes of a thousand numbers.
const SIZE: usize = 4000;

/// What playing one of them over a block, or several, and a thousand numbers ends in.
fn play(device: &Arc<Device>, entry: &'static str, blocks: usize) -> Result<Vec<f32>, String> {
    let memory = device.memory(SIZE).unwrap();
    let mut tape = Tape::new(Precision::F32);
    let unit = Unit::new(&FAULTS, &[]);
    tape.launch(unit, entry, [blocks, 1], 64, &[Arg::Pointer(memory.at())]);
    let mut numbers = vec![0u8; SIZE];
    // SAFETY: these kernels are wrong; what emulates the GPU says so.
    unsafe {
        device.write(memory.at(), &numbers).unwrap();
        let recorded = device.record(&tape, 1).unwrap();
        device.replay(&recorded).unwrap();
        device.read(memory.at(), &mut numbers).map_err(|error| error.0)?;
    }
    Ok(bytemuck::cast_slice(&numbers).to_vec())
}

#[test]
fn an_emulated_gpu_sees_faults() {
    // Not on a real one: after such a fault it does nothing any more.
    if platform::open() != Ok(platform::Kind::Emulated) {
        return;
    }
    let device = super::device().unwrap();
    let sum = play(&device, "fine", 4).unwrap();
    assert_eq!(sum[..4], [2016.0; 4]);
    let refused = |entry, blocks, code: &str| {
        let error = play(&device, entry, blocks).unwrap_err();
        assert!(error.contains(code), "{entry}: {error}");
    };
    refused("divergent", 1, "LAUNCH_FAILED");
    refused("misaligned", 1, "MISALIGNED");
    refused("beyond_an_array", 1, "LAUNCH_FAILED");
    refused("beyond_a_structure", 1, "LAUNCH_FAILED");
    refused("read_by_others", 1, "LAUNCH_FAILED");
    refused("blocks_read", 2, "LAUNCH_FAILED");
    refused("no_barrier", 1, "LAUNCH_FAILED");
    refused("early", 1, "LAUNCH_FAILED");
    refused("blocks_meet", 2, "LAUNCH_FAILED");
    assert!(play(&device, "blocks_meet", 1).is_ok());
    refused("beyond", 2, "ILLEGAL_ADDRESS");
    // One launch's faults are not another's.
    assert_eq!(play(&device, "fine", 4).unwrap(), sum);
}
