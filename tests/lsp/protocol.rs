//! The conversation: its order, and what comes of those who do not keep to it.

use super::client::Client;
use serde_json::{Value, json};

#[test]
fn the_server_says_what_it_can() {
    let mut client = Client::strange();
    let offered = client.request("initialize", json!({ "capabilities": {} }));
    insta::assert_snapshot!(format!("{:#}", offered["capabilities"]));
    assert_eq!(offered["serverInfo"]["name"], "cluec");
}

#[test]
fn a_good_bye_ends_it_with_0_and_a_disappearance_with_1() {
    assert_eq!(Client::start().leave().code(), Some(0));
    assert_eq!(Client::start().vanish().code(), Some(1));
    let mut client = Client::start();
    client.notify("exit", Value::Null);
    assert_eq!(client.vanish().code(), Some(1));
}

#[test]
fn the_order_of_a_conversation_is_kept() {
    let mut client = Client::strange();
    assert_eq!(client.ask("shutdown", Value::Null)["error"]["code"], -32002);
    client.request("initialize", json!({ "capabilities": {} }));
    assert_eq!(client.ask("initialize", json!({ "capabilities": {} }))["error"]["code"], -32600);
    client.request("shutdown", Value::Null);
    assert_eq!(client.ask("textDocument/hover", Value::Null)["error"]["code"], -32600);
}

#[test]
fn unknown_methods_and_wrong_parameters_are_refused() {
    let mut client = Client::start();
    assert_eq!(client.ask("workspace/wonders", json!({}))["error"]["code"], -32601);
    assert_eq!(client.ask("textDocument/formatting", json!([1]))["error"]["code"], -32602);
    client.notify("workspace/wonders", json!({}));
    client.notify("$/cancelRequest", json!({ "id": 1 }));
    client.notify("textDocument/didOpen", json!({ "textDocument": 3 }));
    client.notify("textDocument/didChange", json!({}));
    // A text that is not open.
    client.replace("untitled:b", 1, "model a {}");
    let format = json!({ "textDocument": { "uri": "untitled:b" }, "options": { "tabSize": 4, "insertSpaces": true } });
    assert_eq!(client.ask("textDocument/formatting", format)["error"]["code"], -32602);
    assert_eq!(client.leave().code(), Some(0));
}

#[test]
fn what_is_no_message_is_passed_over() {
    let mut client = Client::start();
    client.send_bytes(b"hello\r\n\r\n\xff\xfe\r\n");
    client.send_bytes(b"Content-Length: 99999999999999999999\r\n\r\n");
    client.send_bytes(b"Content-Length: 5\r\n\r\n{\"a\":");
    client.send_bytes(b"Content-Length: 2\r\n\r\n[]");
    // Longer than it says: its remains stand before the next header.
    client.send_bytes(b"Content-Length: 2\r\n\r\n{}{\"jsonrpc\": \"2.0\"}");
    client.send_bytes(b"Content-Length: 4\r\n\r\n\xff\xff\xff\xff");
    client.send_bytes(b"content-length: 4\r\nContent-Type: x\r\n\r\nnull");
    client.send(&json!({ "jsonrpc": "1.0", "id": 1, "method": "shutdown" }));
    // Requests with names, and with numbers no editor uses.
    for id in [json!("a"), json!(9_999_999_999_i64)] {
        client.send(&json!({ "jsonrpc": "2.0", "id": id, "method": "workspace/wonders" }));
        let answer = client.wait(|message| message["id"] == id);
        assert_eq!(answer["error"]["code"], -32601);
    }
    assert_eq!(client.leave().code(), Some(0));
}

#[test]
fn changes_on_disk_are_asked_for_where_the_editor_can_tell() {
    let capabilities =
        json!({ "workspace": { "didChangeWatchedFiles": { "dynamicRegistration": true } } });
    let mut client = Client::with(capabilities, None);
    let asked = client.wait(|message| message["method"] == "client/registerCapability");
    let watchers = &asked["params"]["registrations"][0]["registerOptions"]["watchers"];
    assert_eq!(watchers[0]["globPattern"], "**/*.clue");
    client.send(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": null }));
    assert_eq!(client.leave().code(), Some(0));
}
