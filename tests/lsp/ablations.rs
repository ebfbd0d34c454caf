//! Cases of ablations, which an editor knows as it knows models.

use super::BASE;
use super::client::{Client, cursor};
use super::edits::applied;
use serde_json::{Value, json};

/// A model of the family, and an ablation of it with these lines.
fn parts(body: &str) -> String {
    format!("{BASE}model a from base\nablation parts \"The parts\" of a {{\n{body}\n}}\n")
}

fn ask(method: &str, text: &str) -> Value {
    Client::start().at_cursor(&format!("textDocument/{method}"), "untitled:a", text)
}

fn hover(body: &str) -> String {
    let found = ask("hover", &parts(body));
    found["contents"]["value"].as_str().unwrap_or("(nothing)").to_string()
}

fn complete(text: &str) -> String {
    let label = |item: &Value| item["label"].as_str().unwrap().to_string();
    ask("completion", text).as_array().unwrap().iter().map(label).collect::<Vec<_>>().join(" ")
}

fn proposed(bodies: &[&str]) -> String {
    bodies.iter().map(|body| format!("{body}\n=> {}\n\n", complete(&parts(body)))).collect()
}

/// `line:column`, counted from 0.
fn defined(body: &str) -> String {
    let place = |location: &Value| {
        let start = &location["range"]["start"];
        format!("{}:{}", start["line"], start["character"])
    };
    let found = ask("definition", &parts(body));
    found.as_array().unwrap().iter().map(place).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_stands_in_an_ablation() {
    insta::assert_snapshot!(proposed(&[
        "    ¦",
        "    show params ¦",
        "    case ¦",
        "    case thin { width 4 8 }\n    case both ¦",
        "    case thin { width 4 8 }\n    case soft { mixer.assign soft }\n    case both with thin, ¦",
    ]));
    // Of a model, and not of a family.
    assert_eq!(complete(&format!("{BASE}model a from base\nablation parts ¦")), "of");
    assert_eq!(complete(&format!("{BASE}model a from base\nablation parts of ¦")), "a");
    assert_eq!(complete(&format!("{BASE}model a from base\nablation parts of a ¦")), "");
}

#[test]
fn a_case_says_what_a_model_can_say() {
    insta::assert_snapshot!(proposed(&[
        "    case thin { ¦ }",
        "    case thin { mixer { heads 1; ¦ } }",
        "    case thin { mixer.fuse ¦ }",
        "    case thin {\n        pool conv\n        pool.¦\n    }",
        // The kind comes from a case that this one builds on.
        "    case thin { pool conv }\n    case more with thin { pool.¦ }",
        "    case thin { expect { ¦ } }",
        // Not finished, and wrong besides.
        "    case thin with thinn {\n        mixer.fu¦",
    ]));
}

#[test]
fn a_setting_of_a_case_tells_what_holds_in_it() {
    insta::assert_snapshot!(hover("    case thin { wid¦th 4 8 }"));
    insta::assert_snapshot!(hover(
        "    case thin { width 4 8 }\n    case more with thin { ffn { ra¦tio 2 } }"
    ));
    insta::assert_snapshot!(hover("    case thin { pool co¦nv }"));
    insta::assert_snapshot!(hover("    case thin { exp¦ect { params 3 } }"), @"`expect`: numbers the model is held to, to the digits written");
}

#[test]
fn a_case_is_counted_as_the_model_it_is() {
    insta::assert_snapshot!(hover("    /// Half of it.\n    case th¦in \"Thin\" { width 4 8 }"));
    // Wherever it is named.
    insta::assert_snapshot!(hover(
        "    case thin { width 4 8 }\n    case more with th¦in { ffn.ratio 2 }"
    ));
}

#[test]
fn words_of_an_ablation_have_a_meaning() {
    insta::assert_snapshot!(hover("    ca¦se thin { width 4 8 }"), @"`case`: The model with some settings changed, under a name of its own.");
    insta::assert_snapshot!(hover("    sho¦w params"), @"`show`: The quantities that its table shows.");
    insta::assert_snapshot!(hover("    show params mem¦ory"), @"`memory`: bytes that one image takes in training");
    insta::assert_snapshot!(hover("    show top¦1"), @"`top1`: the part of test images whose class is the likeliest");
    assert_eq!(hover("    show pa¦rms"), "(nothing)");
    assert_eq!(hover("    wid¦th 4 8"), "(nothing)");
}

#[test]
fn names_and_keys_lead_to_where_they_are_said() {
    let two = |more: &str| defined(&format!("    case thin {{ width 4 8 }}\n    {more}"));
    assert_eq!(two("case more with th¦in { ffn.ratio 2 }"), "15:9");
    // What lies beneath a case: the cases it builds on, then its model.
    assert_eq!(two("case more with thin { wid¦th 2 4 }"), "15:22");
    assert_eq!(two("case more { wid¦th 2 4 }"), "7:12");
    let named =
        format!("{BASE}model a from base\nablation parts of ¦a {{ case b {{ width 4 8 }} }}");
    let found = ask("definition", &named);
    assert_eq!(found[0]["range"]["start"], json!({ "line": 13, "character": 6 }));
}

#[test]
fn a_case_is_renamed_in_its_ablation() {
    let body = "    case th¦in { width 4 8 }\n    case both with thin { ffn.ratio 2 }\n}\n\
                ablation others of a {\n    case thin { ffn.ratio 2 }";
    let (text, position) = cursor(&parts(body));
    let mut client = Client::start();
    client.open("untitled:a", &text);
    let mut rename = |name: &str| {
        client.ask(
            "textDocument/rename",
            json!({ "textDocument": { "uri": "untitled:a" }, "position": position, "newName": name }),
        )
    };
    let answer = rename("slim");
    let renamed = applied(&text, &answer["result"]["changes"]["untitled:a"]);
    // The case of the other ablation is another one.
    assert_eq!(renamed, text.replacen("thin", "slim", 2));
    let refused = rename("both")["error"]["message"].take();
    assert_eq!(refused, "there is a `both` in untitled:a already");
    // A model of the same name is something else.
    assert!(rename("a").get("error").is_none());
}

#[test]
fn a_model_is_renamed_where_an_ablation_varies_it() {
    let (text, position) = cursor(&format!(
        "{BASE}model a¦ from base\nablation p of a {{ case b {{ width 4 8 }} }}\n"
    ));
    let mut client = Client::start();
    client.open("untitled:a", &text);
    let edit = client.request(
        "textDocument/rename",
        json!({ "textDocument": { "uri": "untitled:a" }, "position": position, "newName": "root" }),
    );
    let renamed = applied(&text, &edit["changes"]["untitled:a"]);
    assert_eq!(renamed, text.replace("model a ", "model root ").replace("of a ", "of root "));
}
