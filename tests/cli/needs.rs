//! Memory before training: `--batch`, `--memory`, through the binary.

use super::process::through_the_pipe;
use insta::assert_snapshot;

const MODELS: &str = "\
model small \"Small\" {
    input   16x16
    classes 3
    embed   patches { kernel 4x4; stride 4 }
    stages  1
    blocks  2
    width   16
    mixer   cluster { grid 2x2; heads 2; head_width 4 }
    ffn     mlp { ratio 2; depthwise 3x3 }
    head    mean
}
model wide from small { width 64 }
";

/// The exit code, what is said on standard error, and the answer. What depends on how kernels work
/// is `#`: that it is right, `exec/footprint.rs` shows.
fn said(arguments: &[&str]) -> String {
    let output = through_the_pipe(arguments, MODELS);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (mut said, mut largest) = (output.status.code().unwrap().to_string(), false);
    for line in (text(output.stderr) + &text(output.stdout)).lines() {
        largest |= line.starts_with("largest batch");
        let indent = line.len() - line.trim_start().len();
        let words: Vec<&str> = line.split_whitespace().collect();
        let masked = words.iter().enumerate().map(|(at, &word)| {
            let number = word.starts_with(|c: char| c.is_ascii_digit());
            let next = words.get(at + 1).copied().unwrap_or_default();
            let after = at.checked_sub(1).map(|before| words[before]).unwrap_or_default();
            let amount = ["B", "KiB", "MiB", "GiB"].contains(&next);
            let counted = (largest && next != "threads") || (next.is_empty() && after == "to");
            if number && (amount || counted) { "#" } else { word }
        });
        let masked: Vec<&str> = masked.collect();
        said.push_str(&format!("\n{}{}", &line[..indent], masked.join(" ")));
    }
    said
}

#[test]
fn peaks_of_batches() {
    assert_snapshot!(said(&["check", "-", "--batch", "1,64", "--threads", "2"]));
    assert_snapshot!(said(&["summary", "-", "wide", "--batch", "64", "--threads", "1"]));
}

#[test]
fn what_fits() {
    assert_snapshot!(said(&["check", "-", "--memory", "64MiB", "--threads", "2"]));
}

#[test]
fn what_does_not_fit() {
    assert_snapshot!(said(&["check", "-", "--memory", "16.2 MiB", "--threads", "2"]));
    assert_snapshot!(said(&["summary", "-", "wide", "--memory", "1KiB", "--threads", "2"]));
}

#[test]
fn an_amount_has_a_unit() {
    assert_snapshot!(said(&["check", "-", "--memory", "24"]));
    for wrong in ["", "GiB", "1XiB", "0GiB", "-1GiB", "inf GiB", "1e999TiB"] {
        assert!(
            said(&["check", "-", &format!("--memory={wrong}")]).starts_with("2\nE0121"),
            "{wrong}"
        );
    }
}

#[test]
fn programs_are_told_too() {
    let arguments =
        ["check", "-", "--format", "json", "--threads", "2", "--batch", "8", "--memory"];
    let output = through_the_pipe(&[&arguments[..], &["16.2MiB"]].concat(), MODELS);
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let memory = &report["files"][0]["models"][1]["memory"];
    assert_eq!(memory["place"], "on 2 threads");
    assert_eq!(memory["batches"][0]["batch"], 8);
    let bytes = |work: &str| memory["batches"][0][work].as_u64().unwrap();
    assert!(bytes("training") > bytes("inference"));
    assert!(memory["largest_batch"]["training"].is_null());
    assert!(memory["largest_batch"]["inference"].is_u64());
    assert_eq!(report["files"][0]["diagnostics"][0]["code"], "E0520");
}

#[test]
#[cfg(feature = "cuda")]
fn a_gpu_holds_whole_batches() {
    assert_snapshot!(said(&[
        "check", "-", "--device", "cuda", "--batch", "1,64", "--memory", "1GiB"
    ]));
}
