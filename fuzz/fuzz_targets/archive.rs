//! Any archive of CIFAR. Its tar is handed over as it is, and packed here: a check sum would end most
//! attempts otherwise.

#![no_main]

use cluec::data::{Cifar, Dataset, Split};
use flate2::{Compression, write::GzEncoder};
use libfuzzer_sys::fuzz_target;
use std::io::Write;

fuzz_target!(|bytes: &[u8]| {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    let packed = packed.write_all(bytes).and_then(|()| packed.finish());
    let (Ok(packed), Ok(file)) = (packed, tempfile::NamedTempFile::new()) else { return };
    if std::fs::write(file.path(), packed).is_err() {
        return;
    }
    let Ok(set) = Cifar::open(file.path(), Split::Test) else { return };
    for i in 0..set.len().min(20) {
        let _ = (set.label(i), set.image(i));
    }
});
