//! `FILE ABLATION CASE`: a case is a model to every verb.

use insta::assert_snapshot;
use std::path::Path;
use std::process::Command;

const FILE: &str = "\
model tiny {
    input   16x16
    classes 3
    embed   patches { kernel 4x4; stride 4 }

    stages 2
    blocks 1
    width  8 16
    mixer  off
    ffn    mlp { ratio 2 }
    pool   conv
    head   mean
}

/// What makes it as good as it is?
ablation parts \"The parts\" of tiny {
    case thin { width@2 12 }
    case shallow { ffn.ratio 1; paper { params 1K } }
    case both \"Both at once\" with thin, shallow
}
";

/// The exit code, then what was said, then the answer.
fn said(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("parts.clue"), FILE).unwrap();
    said_in(folder.path(), arguments)
}

fn said_in(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_cluec"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    format!(
        "{}\n{}{}",
        output.status.code().unwrap(),
        String::from_utf8(output.stderr).unwrap(),
        String::from_utf8(output.stdout).unwrap()
    )
}

#[test]
fn check_counts_every_case() {
    assert_snapshot!(said(&["check", "parts.clue"]));
    assert_snapshot!(said(&["check", "parts.clue", "--format", "json"]));
}

#[test]
fn verbs_speak_of_cases() {
    let words = |text: &str| said(&text.split(' ').collect::<Vec<_>>());
    assert_snapshot!(words("summary parts.clue parts both"));
    assert_snapshot!(words("diff parts.clue:tiny parts.clue:parts.both"));
    assert_snapshot!(words("explain parts.clue parts both ffn.ratio"));
    let graph = words("graph parts.clue parts thin --set width@2=20");
    assert!(graph.starts_with("0\ngraph thin : "), "{graph}");
    // Over a case that says the same it is told that it changes nothing, over another it is not.
    assert!(words("graph parts.clue parts thin --set width@2=12").contains("W0301"));
    assert!(!words("graph parts.clue parts shallow --set width@2=12").contains("W0301"));
}

#[test]
fn what_is_no_case_is_told_what_there_is() {
    let words = |text: &str| said(&text.split(' ').collect::<Vec<_>>());
    assert_snapshot!(words("graph parts.clue parts"));
    assert_snapshot!(words("graph parts.clue parts shalow"));
    assert_snapshot!(words("graph parts.clue prats both"));
    assert_eq!(
        words("graph parts.clue part"),
        "2\nerror: there is no model `part` in parts.clue; did you mean `parts`?\n"
    );
    // As `diff` takes it.
    assert_eq!(
        words("diff parts.clue:parts parts.clue:tiny"),
        "2\nerror: `parts` is an ablation with the cases thin, shallow, both; say which: `parts.clue:parts.thin`\n"
    );
}

#[test]
fn fmt_puts_cases_into_their_canonical_form() {
    assert_snapshot!(said(&["fmt", "--check", "parts.clue"]), @"0");
}
