//! What `diff`, `explain`, `new`, `completions` and `man` answer, run as a user runs them.

use insta::assert_snapshot;
use std::path::Path;
use std::process::Command;

const FILE: &str = "\
/// What both share.
family base {
    input   16x16
    classes 3
    embed   patches { kernel 4x4; stride 4 }

    stages 2
    blocks 1
    mixer  off
    ffn    mlp { ratio 2 }
    pool   conv
    head   mean
}

model a from base { width 8 16 }

model b from base {
    width     8 16
    blocks@2  2
    ffn.ratio 2 4
    drop_path 10%
}

model c from base {
    stages 3
    width  8 16 16
}

/// The same as `a`, but for its data.
model d from base {
    width 8 16
    data shapes { size 16x16; classes 3 }
}

model clustered from a { pool icp }
";

/// The exit code, then what was said, then the answer; `models.clue` is there.
fn said(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("models.clue"), FILE).unwrap();
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
fn a_difference_is_settings_and_costs() {
    assert_snapshot!(said(&["diff", "models.clue", "a", "b"]));
}

#[test]
fn a_difference_of_stages() {
    assert_snapshot!(said(&["diff", "models.clue:a", "models.clue:c"]));
}

#[test]
fn a_difference_outside_of_the_graph() {
    assert_snapshot!(said(&["diff", "models.clue", "a", "d"]));
}

#[test]
fn no_difference_exits_with_0() {
    assert_eq!(said(&["diff", "models.clue", "a", "a"]), "0\na and a say the same\n");
}

#[test]
fn what_can_not_be_compared_exits_with_2() {
    assert!(
        said(&["diff", "models.clue", "a", "e"]).starts_with("2\nerror: there is no model `e`")
    );
    assert!(said(&["diff", "models.clue:a", "gone.clue"]).starts_with("2\n"));
    assert!(said(&["diff", "-", "-"]).starts_with("2\n"));
}

#[test]
fn difference_json_is_a_contract() {
    assert_snapshot!(said(&["diff", "models.clue", "a", "b", "--format", "json"]));
}

#[test]
fn a_code_is_explained() {
    assert_snapshot!(said(&["explain", "e0303"]));
    assert_eq!(
        said(&["explain", "E0399"]),
        "2\nerror: there is no code E0399; did you mean E0309?\n"
    );
}

#[test]
fn a_kind_is_explained() {
    assert_snapshot!(said(&["explain", "cluster"]));
}

#[test]
fn a_setting_is_explained() {
    assert_snapshot!(said(&["explain", "optimizer.lr"]));
}

#[test]
fn a_setting_that_takes_kinds_names_them() {
    assert_snapshot!(said(&["explain", "cluster.refine"]));
}

#[test]
fn a_value_is_explained_by_its_layers() {
    assert_snapshot!(said(&["explain", "models.clue", "b", "ffn.ratio", "--set", "ffn.ratio@1=3"]));
}

#[test]
fn a_default_is_explained() {
    assert_snapshot!(said(&[
        "explain",
        "models.clue",
        "clustered",
        "pool.stride",
        "--set",
        "pool=conv"
    ]));
}

/// A group has no value of its own; what is inside it has.
#[test]
fn a_group_of_settings_is_explained_by_what_is_inside() {
    for (group, inside) in [("recipe", "recipe.epochs  4"), ("recipe.ema", "recipe.ema.decay  0.9")]
    {
        let recipe = "recipe={ epochs 4; batch 2; optimizer adamw { lr 1e-3 }; ema 0.9 }";
        let answer = said(&["explain", "models.clue", "a", group, "--set", recipe]);
        assert!(answer.starts_with(&format!("0\n{group}: ")), "{answer}");
        let words: Vec<&str> = answer.split_whitespace().collect();
        assert!(words.join(" ").contains(&inside.replace("  ", " ")), "{answer}");
    }
    let answer = said(&["explain", "models.clue", "d", "data.train"]);
    assert!(answer.contains("data.train.flip"), "{answer}");
}

#[test]
fn what_is_not_there_is_not_explained() {
    assert_eq!(
        said(&["explain", "custer"]),
        "2\nerror: there is no kind and no setting `custer`; did you mean `cluster`?\n"
    );
    assert_eq!(
        said(&["explain", "cluster.gird"]),
        "2\nerror: there is no kind and no setting `cluster.gird`; did you mean `cluster.grid`?\n"
    );
    assert_eq!(
        said(&["explain", "models.clue", "a", "ffn.ration"]),
        "2\nerror: a has no setting `ffn.ration`; did you mean `ffn.ratio`?\n"
    );
}

#[test]
fn what_stages_have_is_explained() {
    assert_snapshot!(said(&["explain", "models.clue", "b", "ffn.ratio@2"]));
    let answer = |path: &str| said(&["explain", "models.clue", "b", path]);
    assert_eq!(answer("ffn.ratio@3"), "2\nerror: there is no stage 3: b has 2 stages\n");
    assert_eq!(answer("ffn.ratio@1..9"), "2\nerror: there is no stage 9: b has 2 stages\n");
    assert_eq!(answer("pool@1"), "2\nerror: b has `pool` in stage 2 only\n");
    assert_eq!(
        answer("drop_path@1"),
        "2\nerror: `drop_path` is said of the whole model: leave the stages out\n"
    );
    assert!(answer("ffn.ratio@last").contains("E0122"));
}

#[test]
fn a_path_that_is_missing_is_asked_for() {
    assert_eq!(
        said(&["explain", "models.clue"]),
        "2\nerror: which setting of the file? name its path: `cluec explain models.clue mixer.grid`\n"
    );
    assert_eq!(
        said(&["explain", "models.clue", "a"]),
        "2\nerror: which setting of `a`? name its path: `cluec explain models.clue a mixer.grid`\n"
    );
    assert_eq!(
        said(&["explain", "mixr"]),
        "2\nerror: there is no kind and no setting `mixr`; did you mean `mixer`?\n"
    );
}

#[cfg(feature = "train")]
#[test]
fn a_setting_said_by_two_flags_is_told_with_both() {
    assert_snapshot!(said(&[
        "train",
        "models.clue",
        "a",
        "--epochs",
        "5",
        "--set",
        "recipe.epochs=7"
    ]));
    assert_snapshot!(said(&[
        "explain",
        "models.clue",
        "a",
        "width",
        "--set",
        "width=8",
        "--set",
        "width=16"
    ]));
}

#[cfg(feature = "train")]
#[test]
fn all_that_a_training_lacks_is_told_at_once() {
    assert_snapshot!(said(&["train", "models.clue", "a"]));
}

#[test]
fn a_new_file_checks_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    assert_snapshot!(said_in(folder.path(), &["new"]));
    assert!(said_in(folder.path(), &["check", "my_model.clue"]).starts_with("0\nmodel "));
    assert_eq!(said_in(folder.path(), &["fmt", "--check", "my_model.clue"]), "0\n");
    // What its comments promise.
    assert!(
        said_in(folder.path(), &["diff", "my_model.clue", "my_model", "my_model_wide"])
            .starts_with("1\n")
    );
    let explained = said_in(folder.path(), &["explain", "my_model.clue", "my_model", "mixer.grid"]);
    assert!(explained.starts_with("0\nmixer.grid 4x4"), "{explained}");
    // Never over a file that is there, and only names that the language takes.
    assert_eq!(
        said_in(folder.path(), &["new"]),
        "2\nerror: there is a my_model.clue already; give the model another name: `cluec new my_model2`\n"
    );
    assert_eq!(
        said_in(folder.path(), &["new", "deep.clue"]),
        "2\nerror: name the model, not the file: `cluec new deep` writes deep.clue\n"
    );
    assert!(said_in(folder.path(), &["new", "two words"]).starts_with("2\n"));
    assert!(said_in(folder.path(), &["new", "from"]).starts_with("2\n"));
    assert!(said_in(folder.path(), &["new", "deep"]).starts_with("0\n"));
    assert!(said_in(folder.path(), &["summary", "deep.clue", "deep"]).starts_with("0\ndeep "));
}

#[test]
fn what_is_not_there_is_told_what_there_is() {
    assert_eq!(
        said(&["graph", "models.clue", "c", "--stage", "4"]),
        "2\nerror: c has no stage 4; it has 1, 2 and 3\n"
    );
    assert!(said(&["check", "."]).contains("  × . can not be read: it is a folder\n"));
}

#[test]
fn shells_and_manuals_know_every_verb() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = said_in(folder.path(), &["completions", shell]);
        assert!(script.starts_with("0\n"), "{shell}");
        assert!(script.contains("summary") && script.contains("explain"), "{shell}");
    }
    assert!(said_in(folder.path(), &["man", "pages"]).starts_with("0\n"));
    for page in ["cluec.1", "cluec-check.1", "cluec-diff.1"] {
        let text = std::fs::read_to_string(folder.path().join("pages").join(page)).unwrap();
        assert!(text.contains(".TH"), "{page}");
    }
    assert!(!folder.path().join("pages/cluec-reference.1").exists());
}
