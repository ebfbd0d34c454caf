//! Who reads what a training says, and that nobody has to.

use super::Bench;
use cluec::train::Checkpoint;
use std::process::Stdio;

/// Trains with this for standard error.
fn trains(bench: &Bench, out: &str, err: impl Into<Stdio>) {
    let mut command = bench.command(&format!("train tiny.clue --out {out} --steps 12"));
    let status = command.stdout(Stdio::null()).stderr(err).status().unwrap();
    assert_eq!(status.code(), Some(0), "{out}");
    let last = Checkpoint::load(&bench.path(out).join("last.safetensors")).unwrap();
    assert_eq!(last.meta.step, 12);
}

#[test]
fn progress_that_nobody_reads_ends_nothing() {
    let bench = Bench::new();
    // As `2>&1 | head -1` leaves it.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    trains(&bench, "closed", writer);
    if let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") {
        trains(&bench, "full", full);
    }
}

/// The exit code tells of a mistake even where its report can not be written.
#[test]
fn a_report_that_nobody_reads_is_still_a_finding() {
    let bench = Bench::new();
    for (arguments, code) in [("train nowhere.clue", 1), ("eval nowhere", 1), ("runs", 2)] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = bench.command(arguments).stderr(writer).status().unwrap();
        assert_eq!(status.code(), Some(code), "{arguments}");
    }
}
