//! What editors are given beside the server, in `editors/`: held to the language itself.

mod extension;
mod textmate;
mod tree_sitter;

use crate::text::root;
use std::path::PathBuf;

/// The texts that are right.
fn valid() -> Vec<PathBuf> {
    let folders = ["models", "examples", "tests/graph", "tests/verify"];
    folders.iter().flat_map(|folder| texts(folder)).collect()
}

fn texts(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut texts: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|e| e == "clue")).collect();
    texts.sort();
    texts
}

/// The words in quotes of a rule of the grammar of cluec.
fn words_of(rule: &str) -> Vec<String> {
    let grammar = std::fs::read_to_string(root().join("grammar/clue.pest")).unwrap();
    let start = format!("{rule} ");
    let line = grammar.lines().find(|line| line.starts_with(&start)).unwrap();
    line.split('"').skip(1).step_by(2).map(str::to_string).collect()
}
