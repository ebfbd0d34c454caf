//! Every place that names an item; renaming it.

use super::BASE;
use super::client::{Client, cursor, uri};
use super::edits::applied;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A workspace of three files: one is open and not saved, two lie on disk, one of them speaks of
/// another item of the same name.
fn workspace() -> (tempfile::TempDir, BTreeMap<&'static str, String>) {
    let folder = tempfile::tempdir().unwrap();
    let models =
        "use \"base.clue\"\nmodel a from base { classes 5 }\nmodel b from a with base {}\n";
    let other = "family base {}\nmodel c from base {}\n";
    std::fs::write(folder.path().join("base.clue"), "// old\n").unwrap();
    std::fs::write(folder.path().join("models.clue"), models).unwrap();
    std::fs::write(folder.path().join("other.clue"), other).unwrap();
    let texts = [("base.clue", BASE), ("models.clue", models), ("other.clue", other)];
    (folder, texts.map(|(name, text)| (name, text.to_string())).into())
}

#[test]
fn references_over_the_workspace() {
    let (folder, _) = workspace();
    let home = uri(&folder.path().join("base.clue"));
    let mut client = Client::with(json!({}), Some(folder.path()));
    let (text, position) = cursor(&BASE.replace("family base", "family ba¦se"));
    client.open(&home, &text);
    let mut ask = |own: bool| {
        let found = client.request(
            "textDocument/references",
            json!({ "textDocument": { "uri": home }, "position": position, "context": { "includeDeclaration": own } }),
        );
        let place = |location: &Value| {
            let file = location["uri"].as_str().unwrap().rsplit('/').next().unwrap();
            let start = &location["range"]["start"];
            format!("{file}:{}:{}", start["line"], start["character"])
        };
        found.as_array().unwrap().iter().map(place).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ask(true), "base.clue:1:7 models.clue:1:13 models.clue:2:20");
    assert_eq!(ask(false), "models.clue:1:13 models.clue:2:20");
}

#[test]
fn a_new_name_everywhere_it_is_spoken() {
    let (folder, texts) = workspace();
    let at = |name: &str| uri(&folder.path().join(name));
    let mut client = Client::with(json!({}), Some(folder.path()));
    client.open(&at("base.clue"), BASE);
    client.open(&at("models.clue"), &texts["models.clue"]);
    // From where it is used.
    let place = json!({ "line": 1, "character": 14 });
    let prepared = client.at("textDocument/prepareRename", &at("models.clue"), &place);
    assert_eq!(prepared["placeholder"], "base");
    let edit = client.request(
        "textDocument/rename",
        json!({ "textDocument": { "uri": at("models.clue") }, "position": place, "newName": "root" }),
    );
    let changes = edit["changes"].as_object().unwrap();
    assert_eq!(changes.len(), 2);
    let base = applied(BASE, &changes[&at("base.clue")]);
    assert_eq!(base, BASE.replace("family base", "family root"));
    let models = applied(&texts["models.clue"], &changes[&at("models.clue")]);
    assert_eq!(
        models,
        "use \"base.clue\"\nmodel a from root { classes 5 }\nmodel b from a with root {}\n"
    );
}

#[test]
fn names_of_slots_are_renamed_where_they_are_values() {
    let text = "pool thi¦n from icp { layers 1 }\npool thick from thin { layers 2 }\nfamily a { pool thin thick }\n";
    let mut client = Client::start();
    let (text, position) = cursor(text);
    client.open("untitled:a", &text);
    let edit = client.request(
        "textDocument/rename",
        json!({ "textDocument": { "uri": "untitled:a" }, "position": position, "newName": "slim" }),
    );
    assert_eq!(applied(&text, &edit["changes"]["untitled:a"]), text.replace("thin", "slim"));
}

#[test]
fn a_name_that_can_not_be_is_refused() {
    let mut client = Client::start();
    let (text, position) = cursor("model a¦ {}\nfamily b {}\npool thin from icp\n");
    client.open("untitled:a", &text);
    let mut refused = |position: &Value, name: &str| {
        let answer = client.ask(
            "textDocument/rename",
            json!({ "textDocument": { "uri": "untitled:a" }, "position": position, "newName": name }),
        );
        answer["error"]["message"].as_str().unwrap_or("(accepted)").to_string()
    };
    assert_eq!(refused(&position, "b"), "there is a `b` in untitled:a already");
    for name in ["", "7x7", "from", "a b", "a;b", "a{", "é", "a-b", " a", "a\n"] {
        let said = refused(&position, name);
        assert!(
            said.ends_with("is no name: letters, digits and `_`, a letter first"),
            "{name}: {said}"
        );
    }
    let pool = json!({ "line": 2, "character": 6 });
    assert_eq!(refused(&pool, "conv"), "`conv` means something else already");
    assert_eq!(refused(&pool, "off"), "`off` means something else already");
    // A key is no name.
    let key = json!({ "line": 0, "character": 1 });
    assert_eq!(refused(&key, "c"), "only items have names that can be changed");
    assert!(client.at("textDocument/prepareRename", "untitled:a", &key).is_null());
}

#[test]
fn a_name_that_is_taken_in_a_file_that_only_uses_the_home_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let text = "model m1 {}\nfamily wide {}\nmodel m2 from m1 {}\n";
    std::fs::write(at("b.clue"), text).unwrap();
    std::fs::write(at("c.clue"), "use \"b.clue\"\nmodel m3 from m1 {}\n").unwrap();
    // Not a word of either: it brings two files together.
    std::fs::write(at("other.clue"), "family m4 {}\n").unwrap();
    std::fs::write(at("d.clue"), "use \"b.clue\"\nuse \"other.clue\"\n").unwrap();
    let mut client = Client::with(json!({}), Some(folder.path()));
    client.open(&uri(&at("b.clue")), text);
    for (line, name, taken) in [(1, "m3", "c.clue"), (2, "m3", "c.clue"), (1, "m4", "other.clue")] {
        let answer = client.ask(
            "textDocument/rename",
            json!({
                "textDocument": { "uri": uri(&at("b.clue")) },
                "position": { "line": line, "character": 7 },
                "newName": name,
            }),
        );
        let said = answer["error"]["message"].as_str().unwrap_or("(accepted)");
        assert_eq!(said, format!("there is a `{name}` in {} already", at(taken).display()));
    }
}
