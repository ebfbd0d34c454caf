//! What is proposed at the cursor.

use super::BASE;
use super::client::{Client, uri};
use serde_json::Value;

fn proposals(found: &Value) -> String {
    let label = |item: &Value| item["label"].as_str().unwrap().to_string();
    found.as_array().unwrap().iter().map(label).collect::<Vec<_>>().join(" ")
}

fn complete(text: &str) -> String {
    proposals(&Client::start().at_cursor("textDocument/completion", "untitled:a", text))
}

/// A model made of the family.
fn in_model(body: &str) -> String {
    format!("{BASE}model a from base {{\n{body}\n}}\n")
}

fn inside(body: &str) -> String {
    complete(&in_model(body))
}

/// Every text, but for the family, and what is proposed there.
fn table(texts: &[String]) -> String {
    let entry = |text: &String| {
        let shown = text.strip_prefix(BASE).unwrap_or(text).trim_end();
        format!("{shown}\n=> {}\n\n", complete(text))
    };
    texts.iter().map(entry).collect()
}

#[test]
fn keys_that_are_not_said_yet() {
    insta::assert_snapshot!(table(&[
        in_model("    classes 5\n    ¦"),
        in_model("    width 8 16; wi¦"),
        in_model("    width@2 16\n    wi¦"),
        in_model("    mixer { heads 2; ¦ }"),
        in_model("    mixer { heads 2 }\n    mixer.¦"),
        in_model("    mixer.refine.¦"),
        in_model("    expect { ¦ }"),
        in_model("    data { train { crop padded { ¦"),
    ]));
}

#[test]
fn a_kind_decides_what_can_be_said_in_it() {
    insta::assert_snapshot!(table(&[
        in_model("    pool conv { ¦ }"),
        in_model("    pool.¦"),
        // No kind holds yet: any could come.
        "family a {\n    stages 2\n    pool.¦\n}".to_string(),
        "data a from shapes {\n    ¦\n}".to_string(),
    ]));
}

#[test]
fn values_and_kinds_of_a_setting() {
    insta::assert_snapshot!(table(&[
        in_model("    mixer.fuse ¦"),
        in_model("    mixer.query jo¦"),
        in_model("    pool ¦"),
        in_model("    embed.coords ¦"),
        in_model("    mixer.grid ¦"),
        in_model("    data ¦\n}\ndata mine from shapes {\n"),
        in_model("    pool@2 ¦"),
    ]));
}

#[test]
fn items_and_their_relations() {
    insta::assert_snapshot!(table(&[
        "mo¦".to_string(),
        "model a ¦".to_string(),
        format!("{BASE}family c\nmodel a from ¦"),
        format!("{BASE}family c\nmodel a from base ¦"),
        format!("{BASE}family c\nfamily d\nmodel a from base with c, ¦"),
        "pool thin from icp\npool thick from ¦".to_string(),
    ]));
    assert_eq!(complete("model ¦"), "");
}

#[test]
fn files_beside_the_text() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("lib")).unwrap();
    for name in ["base.clue", "a.clue", "notes.txt", ".hidden.clue", "lib/deep.clue"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let home = uri(&folder.path().join("a.clue"));
    let mut client = Client::start();
    let mut complete =
        |text: &str| proposals(&client.at_cursor("textDocument/completion", &home, text));
    assert_eq!(complete("use \"¦"), "base.clue lib/");
    assert_eq!(complete("use \"lib/d¦\""), "deep.clue");
    assert_eq!(complete("use ¦"), "\"base.clue\"");
    assert_eq!(complete("data a from cifar { files \"¦\" }"), "base.clue lib/ notes.txt");
}

#[test]
fn nothing_where_nothing_fits() {
    assert_eq!(inside("    // a remark ¦"), "");
    assert_eq!(inside("    width@¦"), "");
    assert_eq!(inside("    recipe.note \"a ¦"), "");
    assert_eq!(complete("nonsense a { ¦ }"), "");
    assert_eq!(complete("model a \"la ¦"), "");
}

#[test]
fn a_text_that_is_not_finished_is_completed_all_the_same() {
    insta::assert_snapshot!(table(&[
        in_model("    mixer {\n        refine dot\n        fu¦"),
        in_model("    width = 3, 4\n    embed patches { kernel 3x3; ¦\n    ffn mlp { ratio"),
        "family a {\n    drop_¦\nmodel b from a {}\n".to_string(),
    ]));
}

#[test]
fn a_proposal_is_explained_and_replaces_the_word_begun() {
    let mut client = Client::start();
    let text = format!("{BASE}model a from base {{\n    mixer.hea¦\n}}\n");
    let found = client.at_cursor("textDocument/completion", "untitled:a", &text);
    insta::assert_snapshot!(format!("{:#}", found[0]));
}

#[test]
fn a_blank_brings_up_values_but_no_keys() {
    let mut client = Client::start();
    let mut after_blank = |name: &str, text: &str| {
        let (text, position) = super::client::cursor(text);
        client.open(name, &text);
        let context = serde_json::json!({ "triggerKind": 2, "triggerCharacter": " " });
        let found = client.request(
            "textDocument/completion",
            serde_json::json!({ "textDocument": { "uri": name }, "position": position, "context": context }),
        );
        proposals(&found)
    };
    assert_eq!(after_blank("untitled:a", "family a { mixer.fuse ¦ }"), "fixed gate off");
    assert_eq!(after_blank("untitled:b", "family a {\n    ¦ }"), "");
}
