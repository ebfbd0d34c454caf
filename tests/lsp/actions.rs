//! Quick fixes: each makes its mistake go away.

use super::BASE;
use super::client::{Client, uri};
use super::edits::applied;
use crate::text::root;
use serde_json::{Value, json};

/// The quick fixes of a whole text.
fn actions(client: &mut Client, uri: &str) -> Vec<Value> {
    let found = client.request(
        "textDocument/codeAction",
        json!({
            "textDocument": { "uri": uri },
            "range": { "start": { "line": 0, "character": 0 }, "end": { "line": 999, "character": 0 } },
            "context": { "diagnostics": [] },
        }),
    );
    found.as_array().unwrap().clone()
}

#[test]
fn a_near_name_is_written_for_you() {
    let mut client = Client::start();
    let text = format!("{BASE}model a from bsae {{\n    mixer.gird 4x4\n}}\n");
    client.open("untitled:a", &text);
    let found = actions(&mut client, "untitled:a");
    assert_eq!(found.len(), 2);
    assert_eq!(found[0]["title"], "write `base`");
    assert_eq!(found[0]["kind"], "quickfix");
    assert_eq!(found[0]["isPreferred"], true);
    assert_eq!(found[0]["diagnostics"][0]["code"], "E0204");
    assert_eq!(found[1]["title"], "write `grid`");
    let text = found
        .iter()
        .fold(text, |text, action| applied(&text, &action["edit"]["changes"]["untitled:a"]));
    assert_eq!(text, format!("{BASE}model a from base {{\n    mixer.grid 4x4\n}}\n"));
}

#[test]
fn an_editor_that_wants_other_actions_gets_none() {
    let mut client = Client::start();
    client.open("untitled:a", "familly a {}\n");
    let ask = |only: &str| {
        json!({
            "textDocument": { "uri": "untitled:a" },
            "range": { "start": { "line": 0, "character": 3 }, "end": { "line": 0, "character": 3 } },
            "context": { "diagnostics": [], "only": [only] },
        })
    };
    assert!(client.request("textDocument/codeAction", ask("refactor")).is_null());
    assert_eq!(
        client.request("textDocument/codeAction", ask("quickfix"))[0]["title"],
        "write `family`"
    );
}

/// Every fix of every wrong text: what it is called, and that its mistake is gone.
#[test]
fn every_fix_mends_its_mistake() {
    let mut client = Client::start();
    let mut titles = String::new();
    let mut paths: Vec<_> = std::fs::read_dir(root().join("tests/wrong"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "clue"))
        .collect();
    paths.sort();
    for path in paths {
        let (home, text) = (uri(&path), std::fs::read_to_string(&path).unwrap());
        client.open(&home, &text);
        let codes = |client: &mut Client| -> Vec<String> {
            let found = client.diagnostics(&home);
            found.iter().map(|d| d["code"].as_str().unwrap().to_string()).collect()
        };
        let before = codes(&mut client);
        for action in actions(&mut client, &home) {
            let code = action["diagnostics"][0]["code"].as_str().unwrap().to_string();
            let name = path.file_stem().unwrap().to_str().unwrap();
            titles += &format!("{name}: {code} {}\n", action["title"].as_str().unwrap());
            let Some(edits) = action["edit"]["changes"].get(&home) else { continue };
            client.replace(&home, 2, &applied(&text, edits));
            let after = codes(&mut client);
            let count = |codes: &[String]| codes.iter().filter(|c| **c == code).count();
            assert!(
                count(&after) < count(&before),
                "{name}: {} leaves {after:?} of {before:?}\n{}",
                action["title"],
                applied(&text, edits)
            );
            client.replace(&home, 3, &text);
            codes(&mut client);
        }
        client.notify("textDocument/didClose", json!({ "textDocument": { "uri": home } }));
    }
    insta::assert_snapshot!(titles);
}
