//! Any index of runs: it is used, built anew, or an error.

#![no_main]

use cluec::runs::Store;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(root) = tempfile::tempdir() else { return };
    if std::fs::write(Store::path(root.path()), bytes).is_err() {
        return;
    }
    if let Ok(mut store) = Store::open(root.path()) {
        let _ = store.sync();
        let _ = store.all();
    }
});
