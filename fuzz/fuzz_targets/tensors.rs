//! Any file of weights: safetensors, or what `torch.save` writes, as an archive or in one row.

#![no_main]

use cluec::foreign::TensorFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = TensorFile::read(bytes.to_vec()) else { return };
    for tensor in file.tensors().values() {
        let _ = file.load(tensor);
    }
});
