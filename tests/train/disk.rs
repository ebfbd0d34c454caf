//! A disk that is full.
#![cfg(unix)]

use super::{Bench, Ran};
use std::process::Command;

#[test]
fn a_full_disk_is_an_error_and_leaves_the_checkpoint_before() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out whole");
    bench.fine("train tiny.clue --out run --steps 7");
    let read = |file: &str| std::fs::read(bench.path("run").join(file)).unwrap();
    let before = ["last.safetensors", "best.safetensors", "curves.svg"].map(read);
    // No file may grow beyond 16 kB, and a checkpoint takes 40.
    let script = "trap '' XFSZ; ulimit -f 32; exec \"$0\" train --resume run";
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_cluec")])
        .current_dir(bench.path("."))
        .output();
    let ran = Ran::from(output.unwrap());
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(
        ran.err.contains("error: the checkpoint run/last.safetensors can not be written"),
        "{}",
        ran.err
    );
    assert!(["last.safetensors", "best.safetensors", "curves.svg"].map(read) == before);
    assert!(!bench.path("run/last.draft").exists());
    bench.fine("train --resume run");
    bench.assert_same("whole", "run");
}
