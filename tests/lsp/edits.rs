//! Changes to a text that the server proposes.

use super::client::Client;
use serde_json::{Value, json};

/// Applies edits of one text, none of which may overlap; columns are taken for bytes.
pub fn applied(text: &str, edits: &Value) -> String {
    let mut edits = edits.as_array().unwrap().clone();
    let byte = |position: &Value| {
        let line = position["line"].as_u64().unwrap() as usize;
        let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
        start + position["character"].as_u64().unwrap() as usize
    };
    edits.sort_by_key(|edit| std::cmp::Reverse(byte(&edit["range"]["start"])));
    let mut text = text.to_string();
    for edit in &edits {
        let range = byte(&edit["range"]["start"])..byte(&edit["range"]["end"]);
        text.replace_range(range, edit["newText"].as_str().unwrap());
    }
    text
}

#[test]
fn formatting_changes_only_the_lines_that_differ() {
    let mut client = Client::start();
    let text = "// a\nfamily a {\n  classes 10\n    input 32x32\n}\n\n// b\n";
    client.open("untitled:a", text);
    let format = json!({ "textDocument": { "uri": "untitled:a" }, "options": { "tabSize": 4, "insertSpaces": true } });
    let edits = client.request("textDocument/formatting", format.clone());
    assert_eq!(edits.as_array().unwrap().len(), 1);
    assert_eq!(edits[0]["range"]["start"]["line"], 2);
    assert_eq!(edits[0]["range"]["end"]["line"], 4);
    let formatted = applied(text, &edits);
    assert_eq!(formatted, "// a\nfamily a {\n    classes 10\n    input   32x32\n}\n\n// b\n");

    client.replace("untitled:a", 2, &formatted);
    assert_eq!(client.request("textDocument/formatting", format.clone()), json!([]));

    // A text in error is left alone.
    client.replace("untitled:a", 3, "family a {\n  classes = 10\n}\n");
    assert_eq!(client.request("textDocument/formatting", format), json!([]));
}
