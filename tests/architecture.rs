//! Imports point only to rooms that come earlier in this list. Paths through `crate::` are read; a
//! `super::` never leaves its room by convention.

use std::path::{Path, PathBuf};

const ROOMS: [&str; 20] = [
    "diag", "syntax", "format", "schema", "graph", "blocks", "spec", "model", "passes", "plan",
    "foreign", "exec", "weights", "data", "train", "runs", "see", "report", "lsp", "cli",
];

#[test]
fn imports_point_to_earlier_rooms() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    let mut files = Vec::new();
    collect(&src, &mut files);
    for file in files {
        let inside = file.strip_prefix(&src).unwrap();
        let first = inside.iter().next().unwrap().to_str().unwrap();
        let room = first.trim_end_matches(".rs");
        if inside.components().count() == 1 && ["lib", "main"].contains(&room) {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        wrong.extend(violations(room, &inside.display().to_string(), &text));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_planted_violation_is_found() {
    let text = "use crate::diag::Span;\n// use crate::cli::Exit;\nuse crate::train::Run;\n";
    assert_eq!(
        violations("graph", "graph/planted.rs", text),
        ["src/graph/planted.rs:3: `graph` comes before `train` and may not import it"]
    );

    // Lists, over several lines, and paths inside expressions.
    let text = "use crate::{\n    diag::{Diags, Span},\n    exec::Batch,\n};\nfn f() { crate::cli::run() }";
    let found = violations("model", "model/mod.rs", text);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("src/model/mod.rs:3:") && found[0].contains("`exec`"));
    assert!(found[1].starts_with("src/model/mod.rs:5:") && found[1].contains("`cli`"));

    // The crate's root stands above every room but the command line.
    assert_eq!(violations("train", "train/mod.rs", "let x = crate::compile();").len(), 1);
    assert!(violations("cli", "cli/mod.rs", "let x = crate::compile();").is_empty());

    // A room nobody placed.
    assert_eq!(violations("misc", "misc.rs", "").len(), 1);
}

/// Every import of one file that points the wrong way, as `file:line: sentence`.
fn violations(room: &str, file: &str, text: &str) -> Vec<String> {
    let Some(rank) = place(room) else {
        return vec![format!("src/{file}:1: `{room}` has no place in the order of rooms")];
    };
    let text = without_comments(text);
    let mut found = Vec::new();
    for (target, at) in imports(&text) {
        let line = text[..at].matches('\n').count() + 1;
        match place(&target) {
            Some(other) if other <= rank => {}
            Some(_) => found.push(format!(
                "src/{file}:{line}: `{room}` comes before `{target}` and may not import it"
            )),
            // The functions of lib.rs run the whole pipeline.
            None if room == "cli" => {}
            // A macro of an earlier room lives at the root.
            None if text[at..].starts_with(&format!("{target}!")) => {}
            None => found.push(format!(
                "src/{file}:{line}: `{room}` may not use `{target}` of the crate's root"
            )),
        }
    }
    found
}

fn place(room: &str) -> Option<usize> {
    ROOMS.iter().position(|r| *r == room)
}

/// The first name after every `crate::`, with the byte where it stands; a list gives several.
fn imports(text: &str) -> Vec<(String, usize)> {
    let mut names = Vec::new();
    for (start, found) in text.match_indices("crate::") {
        // `$crate::` and `crate::` are the same; `my_crate::` is not.
        if text[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let at = start + found.len();
        if !text[at..].starts_with('{') {
            names.push((ident(&text[at..]), at));
            continue;
        }
        let (mut depth, mut expecting) = (0, false);
        for (offset, c) in text[at..].char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            match c {
                '{' | ',' => expecting = depth == 1,
                c if expecting && !c.is_whitespace() => {
                    names.push((ident(&text[at + offset..]), at + offset));
                    expecting = false;
                }
                _ => {}
            }
        }
    }
    names
}

fn ident(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Line comments blanked out, lines kept.
fn without_comments(text: &str) -> String {
    let lines = text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code));
    lines.collect::<Vec<_>>().join("\n")
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            files.push(path);
        }
    }
}
