//! The binary itself: help, exit codes, streams.

use insta::assert_snapshot;
use std::process::{Command, Output};

fn cluec(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cluec")).args(arguments).output().unwrap()
}

fn code(arguments: &[&str]) -> Option<i32> {
    cluec(arguments).status.code()
}

#[test]
fn help() {
    let output = cluec(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    assert_snapshot!(String::from_utf8(output.stdout).unwrap());
}

#[test]
fn usage_errors_exit_with_2() {
    assert_eq!(code(&[]), Some(2));
    assert_eq!(code(&["chekc", "a.clue"]), Some(2));
    assert_eq!(code(&["check"]), Some(2));
    assert_eq!(code(&["check", "-", "-"]), Some(2));
    assert_eq!(code(&["check", "a.clue", "--format", "xml"]), Some(2));
    assert_eq!(code(&["graph"]), Some(2));
}

#[test]
fn version_exits_with_0() {
    let output = cluec(&["--version"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap().trim(),
        format!("cluec {}", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn an_unreadable_file_is_a_finding() {
    for verb in ["check", "graph"] {
        let output = cluec(&[verb, "no/such.clue"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8(output.stderr).unwrap().contains("no/such.clue"));
    }
}

#[test]
fn a_closed_pipe_is_no_mistake() {
    // The reading end is gone before anything is written.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = Command::new(env!("CARGO_BIN_EXE_cluec"))
        .args(["check", "--format", "json", "no/such.clue"])
        .stdout(writer)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(!String::from_utf8(output.stderr).unwrap().contains("panicked"));
}

#[test]
#[cfg(feature = "train")]
fn arguments_of_training_are_checked() {
    assert_eq!(code(&["train"]), Some(2));
    assert_eq!(code(&["train", "a.clue", "--epochs", "0"]), Some(2));
    assert_eq!(code(&["eval"]), Some(2));
    assert_eq!(code(&["predict", "best.safetensors"]), Some(2));
    assert_eq!(code(&["verify", "a.clue"]), Some(2));
}

#[test]
#[cfg(not(feature = "train"))]
fn absent_verbs_explain_themselves() {
    for verb in ["train", "eval", "predict", "verify"] {
        for rest in [&["a.clue", "--epochs", "3"][..], &["--help"], &[]] {
            let output = cluec(&[&[verb], rest].concat());
            assert_eq!(output.status.code(), Some(2));
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(said.contains("built without the `train` feature"), "{verb} {rest:?}: {said}");
        }
    }
}
