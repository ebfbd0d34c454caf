//! What is wrong is shown while it is typed, in every text it is wrong in.

use super::BASE;
use super::client::{Client, uri};
use serde_json::{Value, json};

/// Code, first line of the message, and place, a line each.
fn shown(diagnostics: &[Value]) -> String {
    let line = |d: &Value| {
        let start = &d["range"]["start"];
        let end = &d["range"]["end"];
        format!(
            "{} {}:{}-{}:{} {}\n",
            d["code"].as_str().unwrap(),
            start["line"],
            start["character"],
            end["line"],
            end["character"],
            d["message"].as_str().unwrap().replace('\n', " | "),
        )
    };
    diagnostics.iter().map(line).collect()
}

#[test]
fn all_mistakes_of_a_text_are_shown_as_it_is_typed() {
    let mut client = Client::start();
    let text = format!("{BASE}model a from base {{\n    mixer.gird 4x4\n    pool ipc\n}}\n");
    client.open("untitled:a", &text);
    let found = client.diagnostics("untitled:a");
    insta::assert_snapshot!(shown(&found), @r"
    E0301 14:10-14:14 cluster has no setting `gird` | unknown | did you mean `grid`?
    E0309 15:9-15:12 there is no pool `ipc` | unknown | did you mean `icp`?
    ");
    assert_eq!(found[0]["severity"], 1);
    assert_eq!(found[0]["source"], "cluec");

    // One letter after the other.
    client.notify(
        "textDocument/didChange",
        json!({
            "textDocument": { "uri": "untitled:a", "version": 2 },
            "contentChanges": [
                { "range": { "start": { "line": 14, "character": 11 }, "end": { "line": 14, "character": 13 } }, "text": "ri" },
                { "range": { "start": { "line": 15, "character": 9 }, "end": { "line": 15, "character": 12 } }, "text": "conv" },
            ],
        }),
    );
    assert_eq!(shown(&client.diagnostics("untitled:a")), "");
}

#[test]
fn the_second_place_is_related_information() {
    let mut client = Client::start();
    let text = format!("{BASE}model a from base {{\n    width 8 12 16\n}}\n");
    client.open("untitled:a", &text);
    let found = client.diagnostics("untitled:a");
    let related = &found[0]["relatedInformation"][0];
    assert_eq!(found[0]["code"], "E0310");
    assert_eq!(related["message"], "2 declared here");
    assert_eq!(related["location"]["uri"], "untitled:a");
    assert_eq!(related["location"]["range"]["start"], json!({ "line": 5, "character": 12 }));
}

#[test]
fn what_can_be_left_out_is_faint() {
    let mut client = Client::start();
    client.open("untitled:a", &format!("{BASE}model a from base {{\n    classes 10\n}}\n"));
    let found = client.diagnostics("untitled:a");
    assert_eq!(found[0]["code"], "W0301");
    assert_eq!(found[0]["severity"], 2);
    assert_eq!(found[0]["tags"], json!([1]));
}

#[test]
fn columns_count_what_was_agreed_on() {
    let text = "// Größe 𝔸\nmodel a \"𝔸\" from b {}\n";
    for (offer, column) in [(json!(["utf-8", "utf-16"]), 20), (json!(["utf-16"]), 18)] {
        let mut client = Client::with(json!({ "general": { "positionEncodings": offer } }), None);
        client.open("untitled:a", text);
        let found = client.diagnostics("untitled:a");
        assert_eq!(found[0]["code"], "E0204");
        assert_eq!(found[0]["range"]["start"], json!({ "line": 1, "character": column }));
    }
}

#[test]
fn an_imported_text_is_read_as_the_editor_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    let (base, model) = (folder.path().join("base.clue"), folder.path().join("a.clue"));
    std::fs::write(&base, BASE).unwrap();
    let (base, model) = (uri(&base), uri(&model));
    let mut client = Client::start();
    client.open(&model, "use \"base.clue\"\nmodel a from base { classes 5 }\n");
    assert_eq!(shown(&client.diagnostics(&model)), "");

    // Not saved, and wrong for the other one: which is told without being touched.
    client.open(&base, &BASE.replace("family base", "family other"));
    assert_eq!(shown(&client.diagnostics(&base)), "");
    insta::assert_snapshot!(shown(&client.diagnostics(&model)), @"E0204 1:13-1:17 there is no model or family `base` | unknown | there is other");

    // Closed without saving: the file on disk holds again.
    client.notify("textDocument/didClose", json!({ "textDocument": { "uri": base } }));
    assert_eq!(shown(&client.diagnostics(&model)), "");
}

#[test]
fn a_mistake_of_an_imported_file_is_shown_there() {
    let folder = tempfile::tempdir().unwrap();
    let (base, model) = (folder.path().join("base file.clue"), folder.path().join("a.clue"));
    std::fs::write(&base, BASE.replace("pool    icp", "pool    ipc")).unwrap();
    let base = uri(&base).replace(' ', "%20");
    let model = uri(&model);
    let mut client = Client::start();
    client.open(&model, "use \"base file.clue\"\nmodel a from base { classes 5 }\n");
    assert_eq!(
        shown(&client.diagnostics(&base)),
        "E0309 10:12-10:15 there is no pool `ipc` | unknown | did you mean `icp`?\n"
    );
    assert_eq!(shown(&client.diagnostics(&model)), "");

    // It is put right on disk, by another program.
    std::fs::write(folder.path().join("base file.clue"), BASE).unwrap();
    client.notify(
        "workspace/didChangeWatchedFiles",
        json!({ "changes": [{ "uri": base, "type": 2 }] }),
    );
    assert_eq!(shown(&client.diagnostics(&base)), "");
}

/// A text that uses `base.clue`, which is right by itself: what is shown in either.
fn over_base(base: &str, text: &str) -> (Vec<Value>, Vec<Value>) {
    let folder = tempfile::tempdir().unwrap();
    let (home, model) = (folder.path().join("base.clue"), folder.path().join("a.clue"));
    std::fs::write(&home, base).unwrap();
    let (home, model) = (uri(&home), uri(&model));
    let mut client = Client::start();
    client.open(&home, base);
    assert_eq!(shown(&client.diagnostics(&home)), "");
    client.open(&model, text);
    let found = client.diagnostics(&model);
    // Told anew, whatever there is.
    client.replace(&home, 2, base);
    (found, client.diagnostics(&home))
}

#[test]
fn a_contradiction_is_shown_in_the_text_that_made_it() {
    let text = "use \"base.clue\"\nmodel a from base { stages 4 }\n";
    let (found, base) = over_base(&BASE.replace("blocks  1", "blocks  1 1"), text);
    assert_eq!(found[0]["code"], "E0310");
    assert_eq!(found[0]["range"]["start"], json!({ "line": 1, "character": 27 }));
    let related = &found[0]["relatedInformation"][0]["location"];
    assert!(related["uri"].as_str().unwrap().ends_with("/base.clue"));
    assert_eq!(related["range"]["start"], json!({ "line": 6, "character": 12 }));
    assert_eq!(shown(&base), "");
}

#[test]
fn contradictions_of_one_place_are_all_shown() {
    // Rows for two and for three stages.
    let other = "family other { stages 3; blocks 1 1 1 }\n";
    let text = "use \"base.clue\"\nmodel a from base with other { stages 4 }\n";
    let (found, _) = over_base(&format!("{BASE}{other}"), text);
    let rows = |d: &&Value| d["range"]["start"] == json!({ "line": 1, "character": 38 });
    assert_eq!(found.iter().filter(rows).count(), 2, "{found:#?}");
}

#[test]
fn a_fix_of_a_contradiction_changes_the_text_that_made_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("base.clue"), BASE).unwrap();
    let model = uri(&folder.path().join("a.clue"));
    let mut client = Client::start();
    client.open(&model, "use \"base.clue\"\nmodel a from base { input 33x33 }\n");
    let place = json!({ "line": 1, "character": 28 });
    let actions = client.request(
        "textDocument/codeAction",
        json!({
            "textDocument": { "uri": model },
            "range": { "start": place, "end": place },
            "context": { "diagnostics": [] },
        }),
    );
    assert_eq!(actions[0]["title"], "write `32x32`");
    assert!(actions[0]["edit"]["changes"].get(&model).is_some(), "{actions:#}");
}

#[test]
fn a_mistake_without_a_place_in_the_text_is_shown_at_its_model() {
    let base = BASE.replace("input   32x32", "input   33x33");
    let text = "use \"base.clue\"\nmodel a from base {}\n";
    let (found, base) = over_base(&base, text);
    assert_eq!(found[0]["code"], "E0502");
    assert_eq!(found[0]["range"]["start"], json!({ "line": 1, "character": 6 }));
    assert_eq!(base[0]["code"], "E0502");
}

#[test]
fn a_mistake_of_several_models_is_shown_where_it_is_brought_in() {
    let base = BASE.replace("input   32x32", "input   33x33");
    let text = "use \"base.clue\"\nmodel a from base {}\nmodel b from base {}\n";
    let (found, _) = over_base(&base, text);
    assert_eq!(found[0]["range"]["start"], json!({ "line": 0, "character": 4 }));
}
