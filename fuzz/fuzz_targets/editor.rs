//! Any text in an editor whose cursor is at its end, or at `¦`: the language server answers and goes
//! on.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use std::io::Cursor;

const NAME: &str = "untitled:text";
const ASKED: [&str; 5] = ["hover", "completion", "definition", "references", "prepareRename"];

fuzz_target!(|text: &str| {
    let (before, after) = text.split_once('¦').unwrap_or((text, ""));
    let position = json!({
        "line": before.matches('\n').count(),
        "character": before.rsplit('\n').next().unwrap_or("").encode_utf16().count(),
    });
    let document = json!({
        "uri": NAME, "languageId": "clue", "version": 1, "text": format!("{before}{after}"),
    });
    let mut messages = vec![
        request(0, "initialize", json!({ "capabilities": {} })),
        note("initialized", json!({})),
        note("textDocument/didOpen", json!({ "textDocument": document })),
    ];
    for (id, what) in ASKED.iter().enumerate() {
        let params = json!({
            "textDocument": { "uri": NAME },
            "position": position,
            "context": { "includeDeclaration": true, "triggerKind": 1 },
        });
        messages.push(request(id + 1, &format!("textDocument/{what}"), params));
    }
    messages.push(request(ASKED.len() + 1, "shutdown", Value::Null));
    messages.push(note("exit", Value::Null));
    let input: String = messages.iter().map(framed).collect();
    let mut answers = Vec::new();
    let proper = cluec::lsp::serve(Cursor::new(input.into_bytes()), &mut answers);
    assert!(proper.is_ok_and(|proper| proper));
});

fn request(id: usize, method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

fn note(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "method": method, "params": params })
}

fn framed(message: &Value) -> String {
    let text = message.to_string();
    format!("Content-Length: {}\r\n\r\n{text}", text.len())
}
