//! What is told of the word under the cursor.

use super::BASE;
use super::client::{Client, uri};
use crate::text::root;

fn hover(text: &str) -> String {
    let found = Client::start().at_cursor("textDocument/hover", "untitled:a", text);
    match found.is_null() {
        true => "(nothing)".to_string(),
        false => found["contents"]["value"].as_str().unwrap().to_string(),
    }
}

/// In a model made of the family.
fn inside(body: &str) -> String {
    hover(&format!("{BASE}model a from base {{\n{body}\n}}\n"))
}

#[test]
fn a_key_tells_what_it_takes_and_what_holds() {
    insta::assert_snapshot!(inside("    mixer.gr¦id 4x4"));
    insta::assert_snapshot!(inside("    mixer { fus¦e fixed }"));
    insta::assert_snapshot!(inside("    cla¦sses 5"));
}

#[test]
fn a_setting_of_stages_tells_what_every_stage_gives_and_costs() {
    insta::assert_snapshot!(inside("    classes 5\n    wid¦th 16 24"));
    insta::assert_snapshot!(inside("    classes 5\n    ffn.rat¦io 8\n"));
    insta::assert_snapshot!(inside("    classes 5\n    f¦fn.ratio 8\n"));
    insta::assert_snapshot!(inside("    classes 5\n    he¦ad.norm layer\n"));
}

#[test]
fn kinds_words_and_claims_have_a_meaning() {
    insta::assert_snapshot!(inside("    pool co¦nv"));
    insta::assert_snapshot!(inside("    mixer.query joi¦nt"));
    insta::assert_snapshot!(inside("    expe¦ct { params 3 }"));
    insta::assert_snapshot!(inside("    paper { top¦1 3% }"));
    insta::assert_snapshot!(hover("fami¦ly a {}"), @"`family`: A layer of settings that models are made of.");
    insta::assert_snapshot!(hover("pool thin from i¦cp { layers 1 }"));
}

#[test]
fn items_tell_of_themselves_wherever_they_are_named() {
    insta::assert_snapshot!(inside("    mixer.grid 4x4\n}\nmodel b from ¦a {"));
    insta::assert_snapshot!(hover(&format!("{BASE}model a from ba¦se")), @"
    `family base`

    What they share.
    ");
    insta::assert_snapshot!(inside("    data shapes_¦ }\n/// Generated.\ndata shapes_ from shapes {"), @"
    `data shapes_`

    Generated.
    ");
}

#[test]
fn a_model_of_another_file_is_counted_too() {
    let mut client = Client::start();
    let home = uri(&root().join("models/more.clue"));
    let text = "use \"cluenet_tiny.clue\"\nmodel more from cluenet_t¦iny { mixer.grid 8x8 }";
    let found = client.at_cursor("textDocument/hover", &home, text);
    insta::assert_snapshot!(found["contents"]["value"].as_str().unwrap(), @r#"
    `model cluenet_tiny` "CLUENet (tiny)"

    5_680_430 parameters, 1.41 G MACs, 1.30 G ptflops; images of 224x224, 100 classes
    "#);
    // What the parent says is told with its place.
    let text = "use \"cluenet.clue\"\nmodel more from cluenet { mix¦er.grid 8x8 }";
    let home = uri(&root().join("models/other.clue"));
    let found = client.at_cursor("textDocument/hover", &home, text);
    insta::assert_snapshot!(found["contents"]["value"].as_str().unwrap());
}

#[test]
fn a_broken_line_does_not_hide_what_stands_beside_it() {
    insta::assert_snapshot!(inside(
        "    width = = 3\n    pool conv {\n        kern¦el 3x3\n    drop_path 1 2"
    ));
    assert_eq!(inside("    // comm¦ent"), "(nothing)");
    assert_eq!(inside("    gird¦ 4x4"), "(nothing)");
}
