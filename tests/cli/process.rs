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

#[test]
fn fmt_rewrites_files_and_checks_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.clue");
    let file = path.to_str().unwrap();
    std::fs::write(&path, "model a {\nx   1\n}").unwrap();

    let checked = cluec(&["fmt", "--check", file]);
    assert_eq!(checked.status.code(), Some(1));
    let said = String::from_utf8(checked.stdout).unwrap();
    assert_eq!(said, format!("{file}: not in canonical form\n"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "model a {\nx   1\n}");

    assert_eq!(code(&["fmt", file]), Some(0));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "model a {\n    x 1\n}\n");
    assert_eq!(code(&["fmt", "--check", file]), Some(0));

    // A file in error is left alone.
    std::fs::write(&path, "model a {\nx   = 1\n}").unwrap();
    let refused = cluec(&["fmt", file]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("E0101"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "model a {\nx   = 1\n}");
}

#[test]
fn fmt_answers_standard_input() {
    use std::io::Write;
    use std::process::Stdio;
    let mut child = Command::new(env!("CARGO_BIN_EXE_cluec"))
        .args(["fmt", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"model a{x 1}").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "model a { x 1 }\n");
}

/// A small model, through the pipe.
pub fn through_the_pipe(arguments: &[&str], text: &str) -> Output {
    use std::io::Write;
    let mut command = Command::new(env!("CARGO_BIN_EXE_cluec"));
    if cfg!(target_arch = "x86_64") {
        // A matrix unit wants its weights in a longer form: what is planned is another amount.
        command.env("CLUEC_INSTRUCTIONS", "avx512");
    }
    let mut child = command
        .args(arguments)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // A command that is refused does not read.
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    child.wait_with_output().unwrap()
}

const MODEL: &str = "model m { input 8x8; classes 3; embed patches { kernel 1x1; stride 1 }\n\
                     stages 1; blocks 1; width 8; mixer off; ffn mlp { ratio 2 }; head mean }\n";

#[test]
fn instructions_have_names() {
    let devices = |name: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cluec"));
        command.arg("devices").env("CLUEC_INSTRUCTIONS", name).output().unwrap()
    };
    let (here, elsewhere) = if cfg!(target_arch = "x86_64") {
        (&["scalar", "avx2", "avx512", "avx512-bf16", "amx-emulated", "amx"][..], "neon")
    } else if cfg!(target_arch = "aarch64") {
        (&["scalar", "neon"][..], "amx")
    } else {
        (&["scalar"][..], "amx")
    };
    for name in here {
        assert_eq!(devices(name).status.code(), Some(0), "{name}");
    }
    // What another architecture has would be as good as nothing.
    for name in ["avx1024", elsewhere] {
        let output = devices(name);
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        let begins = format!("error: CLUEC_INSTRUCTIONS is one of {}", here.join(", "));
        assert!(
            said.starts_with(&begins) && said.ends_with(&format!(" here, not {name}\n")),
            "{said}"
        );
    }
}

#[cfg(feature = "train")]
#[test]
fn ops_of_either_executor_are_timed() {
    let timed = |executor: &str, mode: &str| -> Vec<String> {
        let arguments = ["bench", "-", "--ops", "--batch", "2", "--steps", "1", "--format", "json"];
        let more = ["--executor", executor, "--mode", mode];
        let output = through_the_pipe(&[&arguments[..], &more].concat(), MODEL);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        // What a roofline is made of.
        for rate in ["products", "vectors", "bytes"] {
            assert!(line["machine"][rate].as_f64().unwrap() > 0.0, "{line}");
        }
        let ops = line["ops"].as_array().unwrap().iter();
        ops.map(|op| op["op"].as_str().unwrap().to_string()).collect()
    };
    for (executor, backward) in [("compiled", "linear gradient"), ("reference", "backward")] {
        let (training, inference) = (timed(executor, "train"), timed(executor, "infer"));
        for op in ["linear", "cross_entropy", backward, "update"] {
            assert!(training.iter().any(|found| found == op), "{op}: {training:?}");
        }
        assert!(inference.iter().any(|op| op == "linear"), "{inference:?}");
        assert!(!inference.iter().any(|op| op == "update" || op == backward), "{inference:?}");
    }
}

#[test]
fn a_dash_is_standard_input() {
    let output = through_the_pipe(&["check", "-", "--format", "json"], MODEL);
    assert_eq!(output.status.code(), Some(0));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["files"][0]["file"], "-");
    assert_eq!(json["files"][0]["models"][0]["params"], 355);

    let output = through_the_pipe(&["graph", "-"], MODEL);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("graph m : 355 parameters"));

    let output = through_the_pipe(&["check", "-"], "model m { widht 8 }");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("[-:1:11]") && said.contains("did you mean `width`?"), "{said}");
}

#[test]
fn several_files_are_checked_at_once_and_one_in_error_is_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let right = file("right.clue", MODEL);
    let wrong = file("wrong.clue", "model m { widht 8 }");
    let output = cluec(&["check", "--format", "json", &right, &wrong, &right]);
    assert_eq!(output.status.code(), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let ok: Vec<_> = json["files"].as_array().unwrap().iter().map(|f| f["ok"].clone()).collect();
    assert_eq!(ok, [true, false, true]);
    let label = &json["files"][1]["diagnostics"][1]["labels"][0];
    assert_eq!((&label["start"], &label["end"]), (&10.into(), &15.into()));
    assert_eq!((&label["line"], &label["column"]), (&1.into(), &11.into()));
}

#[test]
fn a_warning_is_no_finding() {
    let output =
        through_the_pipe(&["check", "-"], &format!("{MODEL}model n from m {{ width 8 }}\n"));
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stderr).unwrap().contains("W0301"));
}

#[test]
fn a_file_of_several_models_wants_a_name() {
    let text = format!("{MODEL}model n from m {{ width 12 }}\n");
    let output = through_the_pipe(&["graph", "-"], &text);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("two models here: m, n; say which: `cluec graph - m`"), "{said}");
    assert_eq!(through_the_pipe(&["graph", "-", "n"], &text).status.code(), Some(0));
}

/// How many images run together on a CPU, and where they take turns.
#[cfg(feature = "train")]
#[test]
fn a_training_step_on_a_cpu_tells_its_groups() {
    let file = format!("{}/models/cluenet_tiny.clue", env!("CARGO_MANIFEST_DIR"));
    let output = cluec(&["graph", &file, "--planned", "--batch", "8"]);
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stdout).unwrap();
    for line in ["on a CPU, 8 images a step in groups of 4: an arena of ", "-- image by image\n"] {
        assert!(said.contains(line), "{said}");
    }
}

/// What a GPU would run, without one.
#[cfg(feature = "cuda")]
#[test]
fn a_training_step_on_a_gpu_is_told_kernel_by_kernel() {
    let file = format!("{}/tests/graph/one_stage.clue", env!("CARGO_MANIFEST_DIR"));
    let output = cluec(&["graph", &file, "--planned", "--device", "cuda", "--batch", "4"]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap());
    for wrong in [&["--batch", "4"][..], &["--device", "cuda"]] {
        assert_eq!(cluec(&[&["graph", &file], wrong].concat()).status.code(), Some(2), "{wrong:?}");
    }
}
