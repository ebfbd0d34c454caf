//! The outline of a text, and what can be folded.

use super::BASE;
use super::client::Client;
use serde_json::{Value, json};

fn outline(symbols: &Value, depth: usize, out: &mut String) {
    for symbol in symbols.as_array().unwrap() {
        let lines = |range: &Value| format!("{}-{}", range["start"]["line"], range["end"]["line"]);
        *out += &format!(
            "{}{} ({}) {}\n",
            "  ".repeat(depth),
            symbol["name"].as_str().unwrap(),
            symbol["detail"].as_str().unwrap(),
            lines(&symbol["range"]),
        );
        if symbol.get("children").is_some() {
            outline(&symbol["children"], depth + 1, out);
        }
    }
}

#[test]
fn items_and_their_settings() {
    let mut client = Client::start();
    client.open(
        "untitled:a",
        &format!("{BASE}model a \"A\" from base {{\n    mixer.grid@2 4x4\n}}\n"),
    );
    let symbols = client
        .request("textDocument/documentSymbol", json!({ "textDocument": { "uri": "untitled:a" } }));
    let mut out = String::new();
    outline(&symbols, 0, &mut out);
    insta::assert_snapshot!(out);
}

#[test]
fn cases_stand_under_their_names() {
    let mut client = Client::start();
    let text = format!(
        "{BASE}model a from base\nablation parts of a {{\n    show params\n    case thin \"Thin\" {{ width 4 8 }}\n}}\n"
    );
    client.open("untitled:a", &text);
    let symbols = client
        .request("textDocument/documentSymbol", json!({ "textDocument": { "uri": "untitled:a" } }));
    let mut out = String::new();
    outline(&serde_json::json!([symbols[2]]), 0, &mut out);
    insta::assert_snapshot!(out, @r#"
    parts (ablation) 14-17
      show (params) 15-15
      thin (case "Thin") 16-16
        width (4 8) 16-16
    "#);
}

#[test]
fn bodies_and_comments_fold() {
    let mut client = Client::start();
    client.open("untitled:a", "// one\n// two\nfamily a {\n    mixer cluster {\n        grid 2x2\n    }\n    pool icp { layers 1 }\n}\n");
    let folds = client
        .request("textDocument/foldingRange", json!({ "textDocument": { "uri": "untitled:a" } }));
    let lines: Vec<String> = folds
        .as_array()
        .unwrap()
        .iter()
        .map(|fold| format!("{}-{}", fold["startLine"], fold["endLine"]))
        .collect();
    assert_eq!(lines, ["2-6", "3-4", "0-1"]);
}
