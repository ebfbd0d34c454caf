//! The documents say what is so: examples are checked, commands run, the reference current.
//!
//! `UPDATE_DOCS=1 cargo test docs` writes what is shown; read the difference before keeping it.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

fn document(name: &str) -> (PathBuf, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    (path, text)
}

/// Holds a document to what it should say, or writes that.
fn hold(name: &str, current: &str) {
    let (path, text) = document(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, current).unwrap();
    } else {
        assert_eq!(text, current, "{name} is out of date: UPDATE_DOCS=1 cargo test docs");
    }
}

#[test]
fn the_reference_is_current() {
    hold("docs/reference.md", &cluec::cli::reference::page());
}

#[test]
fn the_tour_is_run() {
    hold_answers("docs/tour.md");
}

#[test]
fn the_page_of_the_language_is_run() {
    hold_answers("docs/language.md");
}

fn hold_answers(name: &str) {
    let (_, text) = document(name);
    let folder = tempfile::tempdir().unwrap();
    hold(name, &run(&text, folder.path()));
}

/// Writes the files a document shows (```` ```clue FILE ````) into a folder, checks them (unless
/// `wrong` is written behind), and runs its commands there (```` ```console ````). What comes back is
/// the document with what the commands really print.
fn run(text: &str, folder: &Path) -> String {
    let mut out = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let _ = writeln!(out, "{line}");
        let Some(info) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let words: Vec<&str> = info.split(' ').collect();
        if words == ["console"] {
            for command in block.iter().filter_map(|line| line.strip_prefix("$ cluec ")) {
                let _ = write!(out, "$ cluec {command}\n{}", answer(command, folder));
            }
        } else {
            block.iter().for_each(|line| out.push_str(&format!("{line}\n")));
            if let ["clue", file, rest @ ..] = &words[..] {
                let text: String = block.iter().flat_map(|line| [line, "\n"]).collect();
                std::fs::write(folder.join(file), text).unwrap();
                let said = answer(&format!("fmt --check {file}"), folder);
                assert_eq!(said, "", "not canonical:\n{}", block.join("\n"));
                let said = answer(&format!("check {file}"), folder);
                assert_eq!(said.contains("error"), rest == ["wrong"], "{file}: {said}");
            }
        }
        out.push_str("```\n");
    }
    out
}

/// What a command prints: reports, then the answer.
fn answer(command: &str, folder: &Path) -> String {
    let mut arguments = vec![String::new()];
    let mut quoted = false;
    for c in command.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => arguments.push(String::new()),
            c => arguments.last_mut().unwrap().push(c),
        }
    }
    let output = Command::new(env!("CARGO_BIN_EXE_cluec"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let said = [output.stderr, output.stdout].concat();
    let text = String::from_utf8(said).unwrap();
    // Between the blank lines of reports nothing else is lost.
    text.trim_end().lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
