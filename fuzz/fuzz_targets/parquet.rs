//! Any Parquet file of images.

#![no_main]

use cluec::data::{Dataset, Division, Split, parquet};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(root) = tempfile::tempdir() else { return };
    if std::fs::write(root.path().join("all.parquet"), bytes).is_err() {
        return;
    }
    let Ok(set) = parquet::open(root.path(), Split::Train, Division::keyed(0.8, 1)) else { return };
    for i in 0..set.len().min(20) {
        let _ = (set.label(i), set.image(i));
    }
});
