//! Any list of images.

#![no_main]

use cluec::data::{Dataset, Division, Split, lists};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(root) = tempfile::tempdir() else { return };
    let write = |name: &str, bytes: &[u8]| std::fs::write(root.path().join(name), bytes).is_ok();
    if !write("train.csv", bytes) || !write("1.png", b"") {
        return;
    }
    let division = Division::keyed(0.8, 1);
    let Ok(set) = lists::together(root.path(), Split::Train, division) else { return };
    for i in 0..set.len().min(20) {
        let _ = (set.label(i), set.place(i));
    }
});
