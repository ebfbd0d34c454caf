//! Where a thing is said.

use super::BASE;
use super::client::{Client, uri};
use serde_json::Value;
use std::path::Path;

/// `file:line:column`, counted from 0.
fn places(found: &Value) -> String {
    let place = |location: &Value| {
        let file = location["uri"].as_str().unwrap().rsplit('/').next().unwrap();
        let start = &location["range"]["start"];
        format!("{file}:{}:{}", start["line"], start["character"])
    };
    found.as_array().unwrap().iter().map(place).collect::<Vec<_>>().join(" ")
}

fn defined(text: &str) -> String {
    places(&Client::start().at_cursor("textDocument/definition", "untitled:a", text))
}

#[test]
fn names_lead_to_their_items() {
    assert_eq!(defined(&format!("{BASE}model a from ba¦se {{ classes 5 }}")), "untitled:a:1:7");
    assert_eq!(defined("pool thin from icp\nfamily a { pool th¦in }"), "untitled:a:0:5");
    assert_eq!(defined("pool thin from icp\npool thick from ¦thin"), "untitled:a:0:5");
    assert_eq!(defined("recipe r {}\nfamily b { recipe ¦r }"), "untitled:a:0:7");
    // A kind is no item.
    assert_eq!(defined("family a { pool ic¦p }"), "");
}

#[test]
fn keys_lead_to_the_layers_beneath() {
    let model = |body: &str| defined(&format!("{BASE}model a from base {{\n    {body}\n}}"));
    assert_eq!(model("mixer.gr¦id 4x4"), "untitled:a:8:27");
    assert_eq!(model("mix¦er.grid 4x4"), "untitled:a:8:12");
    assert_eq!(model("width ¦16 24"), "");
    assert_eq!(model("wid¦th 16 24"), "untitled:a:7:12");
    // A default is said nowhere.
    assert_eq!(model("drop¦_path 0.1"), "");
    let text = "pool thin from icp { layers 1 }\npool thick from thin { lay¦ers 3 }";
    assert_eq!(defined(text), "untitled:a:0:28");
}

#[test]
fn files_lead_to_themselves_and_their_items() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| uri(&folder.path().join(name));
    std::fs::create_dir(folder.path().join("lib")).unwrap();
    std::fs::write(folder.path().join(Path::new("lib/base.clue")), BASE).unwrap();
    let mut client = Client::start();
    let mut ask =
        |text: &str| places(&client.at_cursor("textDocument/definition", &at("a.clue"), text));
    assert_eq!(ask("use \"lib/ba¦se.clue\"\nmodel a from base"), "base.clue:0:0");
    assert_eq!(ask("use \"lib/base.clue\"\nmodel a from b¦ase"), "base.clue:1:7");
    assert_eq!(ask("use \"lib/base.clue\"\nmodel a from base { cla¦sses 5 }"), "base.clue:3:12");
    assert_eq!(ask("use \"lib/none¦.clue\""), "");
}
