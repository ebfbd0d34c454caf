//! A disk that is full, and a folder that nothing may be written to.
#![cfg(unix)]

use super::{Bench, Ran};
use std::fs;
use std::process::Command;

/// What is in a run's folder.
const KEPT: [&str; 3] = ["last.safetensors", "best.safetensors", "curves.svg"];
/// What a run adds to as it goes.
const GROWING: [&str; 3] = ["metrics.jsonl", "metrics.csv", "events.out.tfevents.0.cluec"];

fn script(bench: &Bench, script: &str) -> Ran {
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_cluec")])
        .current_dir(bench.path("."))
        .output();
    Ran::from(output.unwrap())
}

/// What fails leaves a run as it was, but for lines behind those it knows of; afterwards it goes on.
fn nothing_is_lost(fault: &str) -> Ran {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out whole");
    bench.fine("train tiny.clue --out run --steps 7");
    let read = |file: &str| fs::read(bench.path("run").join(file)).unwrap();
    let (kept, growing) = (KEPT.map(read), GROWING.map(read));
    let ran = script(&bench, fault);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(KEPT.map(read) == kept);
    for (file, before) in GROWING.into_iter().zip(growing) {
        assert!(read(file).starts_with(&before), "{file}");
    }
    let left = fs::read_dir(bench.path("run")).unwrap().map(|e| e.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().contains("draft")));
    bench.fine("train --resume run");
    bench.assert_same("whole", "run");
    let rows = |run: &str| fs::read_to_string(bench.path(run).join("metrics.csv")).unwrap();
    assert_eq!(rows("run").lines().count(), rows("whole").lines().count());
    ran
}

#[test]
fn a_full_disk_is_an_error_and_leaves_the_checkpoint_before() {
    // No file may grow beyond 16 kB, and a checkpoint takes 40.
    let ran = nothing_is_lost("trap '' XFSZ; ulimit -f 32; exec \"$0\" train --resume run");
    let message = "error: the checkpoint run/last.safetensors can not be written";
    assert!(ran.err.contains(message), "{}", ran.err);
}

#[test]
fn a_disk_that_is_full_to_the_last_byte_leaves_the_metrics_too() {
    let ran = nothing_is_lost("trap '' XFSZ; ulimit -f 0; exec \"$0\" train --resume run");
    assert!(ran.err.contains("can not be written: "), "{}", ran.err);
}

#[test]
fn a_folder_that_can_not_be_written_is_an_error() {
    // Of the superuser only a mount keeps the program out.
    let root = unsafe { libc::geteuid() } == 0;
    let bench = Bench::new();
    fs::create_dir(bench.path("run")).unwrap();
    let mount = "mount --bind run run && mount -o remount,bind,ro run";
    let can = || script(&bench, &format!("unshare -m sh -c '{mount}'")).code == Some(0);
    if root && !can() {
        println!("no folder can be closed to the superuser here: skipped");
        return;
    }
    let resume = "\"$0\" train --resume run";
    let fault = match root {
        true => format!("unshare -m sh -c '{mount} && {resume}' \"$0\""),
        false => format!("chmod u-w run; {resume}; code=$?; chmod u+w run; exit $code"),
    };
    let ran = nothing_is_lost(&fault);
    assert!(ran.err.contains("error: run/"), "the file is named: {}", ran.err);
    assert!(ran.err.contains("can not be written: "), "{}", ran.err);
    // Nor can a run begin there.
    let begin = "\"$0\" train tiny.clue --out run/new";
    let fault = match root {
        true => format!("unshare -m sh -c '{mount} && {begin}' \"$0\""),
        false => format!("chmod u-w run; {begin}; code=$?; chmod u+w run; exit $code"),
    };
    let ran = script(&bench, &fault);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.err.starts_with("error: ") && ran.err.lines().count() == 1, "{}", ran.err);
}

/// A file and a device that is always full, each behind a link, and a pipe.
#[test]
fn a_link_a_device_and_a_pipe_stay_what_they_are() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out run --steps 7");
    std::os::unix::fs::symlink("there", bench.path("link")).unwrap();
    fs::write(bench.path("there"), "before").unwrap();
    bench.fine("export run/last.safetensors --format safetensors --out link");
    bench.fine("export run/last.safetensors --format safetensors --out file");
    assert!(bench.path("link").is_symlink());
    assert!(fs::read(bench.path("there")).unwrap() == fs::read(bench.path("file")).unwrap());
    if std::path::Path::new("/dev/full").exists() {
        std::os::unix::fs::symlink("/dev/full", bench.path("full")).unwrap();
        let ran = bench.run("export run/last.safetensors --format safetensors --out full");
        assert_eq!(ran.code, Some(1), "{}", ran.out);
        assert!(
            ran.err.starts_with("error: full can not be written: No space left"),
            "{}",
            ran.err
        );
        assert!(bench.path("full").is_symlink());
    }
    let ran = script(
        &bench,
        "mkfifo pipe && { cat pipe > got & \"$0\" eval run/last.safetensors --confusion pipe && wait; }",
    );
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    bench.fine("eval run/last.safetensors --confusion svg");
    assert_eq!(fs::read(bench.path("got")).unwrap(), fs::read(bench.path("svg")).unwrap());
    assert!(!fs::metadata(bench.path("pipe")).unwrap().is_file());
}
