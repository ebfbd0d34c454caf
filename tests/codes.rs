//! Every code of a diagnostic is explained, and its examples are what they say.

use crate::text::{Text, check, check_with, root};
use cluec::cli::needs::Options;
use cluec::diag::codes::{Code, Place, all, find};
use std::collections::BTreeSet;
use std::path::Path;

/// What the examples that stand in a model are made of.
const FAMILY: &str = "\
family base {
    input   32x32
    classes 10
    embed   patches { kernel 3x3; stride 1; pad 1 }
    stages  3
    blocks  1
    width   8 12 16
    mixer   cluster { grid 2x2; heads 2; head_width 4 }
    ffn     mlp { ratio 4 }
    pool    icp
    head    mean
}
";

fn example(code: &Code, text: &str) -> Text {
    match code.place {
        Place::Model => check(&format!("{FAMILY}model example from base {{\n{text}\n}}\n")),
        Place::Memory => in_memory(check(&format!("{FAMILY}model example from base")), text),
        Place::Argument => {
            check_with(&format!("{FAMILY}model example from base {{ data shapes }}"), &[text])
        }
        // The name matters to the file that uses itself.
        Place::File => {
            let mut sources = cluec::diag::Sources::default();
            let name = root().join("models/example.clue").display().to_string();
            let (program, diags) = cluec::compile_text(&mut sources, &name, text, &[]);
            Text { sources, program, diags }
        }
    }
}

/// What `--memory` says of the models of a text.
fn in_memory(text: Text, memory: &str) -> Text {
    let Text { mut sources, program, mut diags } = text;
    let memory = Some(memory.to_string());
    let options = Options { memory, threads: Some(1), ..Options::default() };
    match options.asked() {
        Err(refusal) => {
            let diagnostic;
            (sources, diagnostic) = *refusal;
            diags.push(diagnostic);
        }
        Ok(asked) => {
            for model in &program.models {
                let graph = model.graph.as_ref().unwrap();
                let (_, misfit) = asked.as_ref().unwrap().of(model, graph, &mut sources);
                misfit.into_iter().for_each(|d| diags.push(d));
            }
        }
    }
    Text { sources, program, diags }
}

#[test]
fn every_wrong_example_is_told_its_code_and_nothing_else() {
    for code in all() {
        let text = example(code, code.wrong);
        let codes: BTreeSet<&str> = text.codes().into_iter().collect();
        assert_eq!(codes, BTreeSet::from([code.code]), "{}\n{}", code.wrong, text.reports());
    }
}

#[test]
fn every_right_example_is_right() {
    for code in all() {
        let text = example(code, code.right);
        assert!(text.diags.0.is_empty(), "{} {}\n{}", code.code, code.right, text.reports());
    }
}

/// Codes in the sources, in quotes.
fn used(folder: &Path, codes: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("diag/codes") {
                used(&path, codes);
            }
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let words = text.split('"').filter(|word| {
            word.len() == 5
                && word.starts_with(['E', 'W'])
                && word[1..].bytes().all(|b| b.is_ascii_digit())
        });
        codes.extend(words.map(str::to_string));
    }
}

#[test]
fn every_code_in_use_is_explained_and_every_explained_code_is_in_use() {
    let mut codes = BTreeSet::new();
    used(&root().join("src"), &mut codes);
    let explained: BTreeSet<String> = all().map(|code| code.code.to_string()).collect();
    assert_eq!(codes, explained);
    assert_eq!(all().count(), explained.len(), "a code is explained twice");
}

#[test]
fn a_code_is_found_however_it_is_capitalized() {
    assert_eq!(find("e0101").unwrap().title, "`=` after a key");
    assert!(find("E9999").is_none());
}

#[test]
fn explanations_are_sentences() {
    for code in all() {
        assert!(code.explanation.ends_with('.'), "{}: {}", code.code, code.explanation);
        assert!(!code.title.ends_with('.'), "{}: {}", code.code, code.title);
        assert_ne!(code.wrong, code.right, "{}", code.code);
    }
}
