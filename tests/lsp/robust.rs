//! Whatever is typed, the server lives and answers.

use super::client::Client;
use crate::text::root;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use serde_json::json;

/// Keystrokes of no sense: a place, how much goes, what comes.
fn keystroke() -> impl Strategy<Value = ((u32, u32), (u32, u32), String)> {
    let pieces = prop::sample::select(vec![
        "",
        "{",
        "}",
        "\n",
        " ",
        ";",
        ".",
        "@",
        "\"",
        "//",
        "///",
        "=",
        ",",
        "from ",
        "with a, ",
        "mixer",
        "cluster",
        "grid",
        "7x7",
        "use \"",
        "model ",
        "é",
        "𝔸",
        "\r\n",
        "\u{feff}",
        "\0",
        "off",
        "mixer.",
        "width 3 4",
        "pool conv { ",
        "expect { params 3 }",
        "\t",
    ]);
    let place = || (0..80u32, 0..60u32);
    (place(), (0..2u32, 0..8u32), pieces).prop_map(|(at, more, text)| (at, more, text.to_string()))
}

#[test]
fn any_keystrokes_are_survived_and_answered() {
    let cases = std::env::var("CLUEC_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(200);
    let mut runner = TestRunner::new_with_rng(
        ProptestConfig::default(),
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    let mut client = Client::start();
    let corpus: Vec<String> =
        ["models/cluenet.clue", "examples/shapes.clue", "tests/wrong/unclosed.clue"]
            .map(|path| std::fs::read_to_string(root().join(path)).unwrap())
            .to_vec();
    for case in 0..cases {
        let uri = format!("untitled:{}", case % 3);
        // A fresh text now and then, many keystrokes on it.
        if case % 30 < 3 {
            client.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
            client.open(&uri, &corpus[case % 3]);
        }
        let (at, more, text) = keystroke().new_tree(&mut runner).unwrap().current();
        let start = json!({ "line": at.0, "character": at.1 });
        let end = json!({ "line": at.0 + more.0, "character": at.1 + more.1 });
        client.notify(
            "textDocument/didChange",
            json!({
                "textDocument": { "uri": uri, "version": case },
                "contentChanges": [{ "range": { "start": start, "end": end }, "text": text }],
            }),
        );
        let place = json!({ "textDocument": { "uri": uri }, "position": start, "newName": "a",
            "context": { "includeDeclaration": true, "triggerKind": 1, "diagnostics": [] },
            "range": { "start": start, "end": end },
            "options": { "tabSize": 4, "insertSpaces": true } });
        let methods = [
            "hover",
            "completion",
            "definition",
            "codeAction",
            "formatting",
            "documentSymbol",
            "foldingRange",
            "references",
            "rename",
            "prepareRename",
        ];
        // Three of them after every stroke, in turn.
        for method in methods.iter().cycle().skip(case * 3 % methods.len()).take(3) {
            let answer = client.ask(&format!("textDocument/{method}"), place.clone());
            // A name may be refused; nothing may fail.
            let code = answer["error"]["code"].as_i64();
            assert!(code.is_none_or(|code| code == -32803), "{method}: {answer}");
        }
    }
    assert_eq!(client.leave().code(), Some(0));
}
