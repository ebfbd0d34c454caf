//! Any image file.

#![no_main]

use cluec::data::decode_bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(image) = decode_bytes(bytes) {
        assert_eq!(image.pixels.len(), image.height * image.width * 3);
    }
});
