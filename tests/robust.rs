//! No text makes the parser, the checker or the formatter panic; what they say of it can be rendered;
//! and a formatted text means what the text meant.
//!
//! `CLUEC_CASES` says how many random texts each test tries, 200 where it is not set.

use crate::text::{Text, check, check_file, root};
use cluec::diag::Sources;
use cluec::graph::Graph;
use proptest::prelude::*;

pub fn cases() -> ProptestConfig {
    let cases = std::env::var("CLUEC_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(200);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Texts to begin with: every published, small and wrong one, and all the words they are made of.
fn corpus() -> &'static (Vec<String>, Vec<String>) {
    static CORPUS: std::sync::OnceLock<(Vec<String>, Vec<String>)> = std::sync::OnceLock::new();
    CORPUS.get_or_init(|| {
        let mut texts = Vec::new();
        for folder in ["models", "examples", "tests/graph", "tests/wrong", "tests/verify"] {
            for entry in std::fs::read_dir(root().join(folder)).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|extension| extension == "clue") {
                    texts.push(std::fs::read_to_string(path).unwrap());
                }
            }
        }
        texts.sort();
        let mut words: Vec<String> = texts
            .iter()
            .flat_map(|text| text.split_whitespace())
            .filter(|word| word.len() < 24)
            .map(str::to_string)
            .collect();
        let odd = [
            "@0",
            "@1..99",
            "@each",
            "..",
            "1..2",
            "4294967295",
            "1e308",
            "-1",
            "0",
            "1e-400",
            "=",
            "{",
            "}",
            ";",
            "\n",
            "\"",
            "//",
            "///",
            "\u{feff}",
            "é",
            "\r\n",
            "\0",
            "1048576x1048576",
            "99999999999999999999",
            "0x0",
            "from",
            "with",
            "of",
            "off",
            "%",
            "é@3",
        ];
        words.extend(odd.iter().map(|word| word.to_string()));
        words.sort();
        words.dedup();
        (texts, words)
    })
}

/// Everything comes to an end, reports and printed models too, and formatting changes nothing.
fn survives(text: &str) {
    let checked = check(text);
    checked.reports();
    // What a fix replaces is a piece of the text.
    for fix in checked.diags.0.iter().flat_map(|found| &found.fixes) {
        checked.sources.slice(fix.span);
    }
    if let Some(once) = formatted(text) {
        assert_eq!(formatted(&once).as_ref(), Some(&once), "of {text:?}");
        let again = check(&once);
        let hashes = |text: &Text| -> Vec<Option<String>> {
            text.program.models.iter().map(|m| m.graph.as_ref().map(Graph::hash)).collect()
        };
        assert_eq!(hashes(&again), hashes(&checked), "of {text:?}");
        assert_eq!(again.codes(), checked.codes(), "of {text:?}");
    }
    for model in &checked.program.models {
        if let Some(graph) = &model.graph {
            let again = check(&model.text());
            assert_eq!(again.hash(&model.name), graph.hash(), "{}", model.text());
            let _ = (graph.cost(), cluec::plan::Plan::training(graph).bytes_per_image());
        }
    }
}

/// The canonical form, if the text has no mistake of syntax.
fn formatted(text: &str) -> Option<String> {
    let mut sources = Sources::default();
    let id = sources.add("text.clue", text);
    cluec::format::format(&sources, id).ok()
}

/// A change to a text, as places in thousandths and a word.
fn change() -> impl Strategy<Value = (usize, usize, usize, usize)> {
    (0..4usize, 0..1000usize, 0..1000usize, any::<prop::sample::Index>())
        .prop_map(|(what, at, to, word)| (what, at, to, word.index(corpus().1.len())))
}

fn mutated(text: &str, changes: &[(usize, usize, usize, usize)]) -> String {
    let mut text = text.to_string();
    for &(what, at, to, word) in changes {
        let place = |thousandth: usize| {
            let mut at = text.len() * thousandth / 1000;
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let (at, to) = (place(at.min(to)), place(at.max(to)));
        let word = &corpus().1[word];
        match what {
            // A word put in, with or without blanks around it.
            0 => text.insert_str(at, word),
            1 => text.insert_str(at, &format!(" {word} ")),
            // A piece taken out, at most a line or so.
            2 => {
                let mut end = to.min(at + 60);
                while !text.is_char_boundary(end) {
                    end -= 1;
                }
                text.replace_range(at..end, "");
            }
            // A word instead of another.
            _ => {
                let start = text[..at].rfind(char::is_whitespace).map_or(0, |i| i + 1);
                let end = text[at..].find(char::is_whitespace).map_or(text.len(), |i| at + i);
                if text.is_char_boundary(start) {
                    text.replace_range(start..end, word);
                }
            }
        }
    }
    text
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_text(text in any::<String>()) {
        survives(&text);
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        survives(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_words(words in prop::collection::vec(any::<prop::sample::Index>(), 0..60)) {
        let words: Vec<&str> = words.iter().map(|w| w.get(&corpus().1).as_str()).collect();
        survives(&words.join(" "));
    }

    #[test]
    fn mutations_of_valid_and_wrong_texts(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec(change(), 1..6),
    ) {
        let text: &String = which.get(&corpus().0);
        survives(&mutated(text, &changes));
    }
}

#[test]
fn a_file_of_ten_megabytes_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.clue");
    std::fs::write(&path, "model a { width 4 }\n".repeat(500_000)).unwrap();
    let text = check_file(&path);
    assert_eq!(text.codes(), ["E0115"]);
    assert!(text.diags.0[0].message.contains("9 MiB"), "{}", text.reports());
}

#[test]
fn a_file_that_is_no_text_is_told_where() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("binary.clue");
    std::fs::write(&path, b"model a {\n  width \xff\n}").unwrap();
    let text = check_file(&path);
    assert_eq!(text.codes(), ["E0202"]);
    let message = &text.diags.0[0].message;
    assert!(message.ends_with("line 2 is not UTF-8 text (byte 18)"), "{message}");
}

#[test]
fn an_empty_file_and_one_of_comments_are_no_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.clue");
    for text in ["", "\n\n", "// nothing yet\n", "\u{feff}", "\u{feff}// of another editor"] {
        std::fs::write(&path, text).unwrap();
        assert!(check_file(&path).clean().program.models.is_empty());
    }
}
