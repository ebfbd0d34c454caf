//! How layers merge: each promise of the language one small test. Models are compared by their
//! graphs, recipes and data by what they hold.

use crate::text::{Text, check, check_with};
use cluec::model::Spoken;
use cluec::schema::Rate;
use cluec::spec::{Data, Recipe};

/// A family that lowers fast, and what the tests put behind it.
fn tiny(rest: &str) -> String {
    format!(
        "family tiny {{ input 16x16; classes 3; embed patches {{ kernel 1x1; stride 1 }}\n\
         stages 3; blocks 1; width 4 8 12; mixer off; ffn mlp {{ ratio 2 }}; pool conv; head mean }}\n\
         {rest}"
    )
}

/// The models `a` and `b` of a text compute the same.
#[track_caller]
fn same(rest: &str) {
    let text = check(&tiny(rest)).clean();
    assert_eq!(text.hash("a"), text.hash("b"), "{rest}");
}

/// The models `a` and `b` differ.
#[track_caller]
fn differ(rest: &str) {
    let text = check(&tiny(rest)).clean();
    assert_ne!(text.hash("a"), text.hash("b"), "{rest}");
}

#[track_caller]
fn recipe(text: &Text, model: &str) -> Recipe {
    text.model(model).recipe.clone().unwrap()
}

// 1. An upper layer wins, however general it is.

#[test]
fn a_row_of_kinds_is_laid_over_another() {
    same(
        "model p from tiny { pool icp conv }\n\
         model a from p { pool.norm_out@2 off; pool icp }\n\
         model b from tiny { pool icp }",
    );
    same(
        "model p from tiny { norm layer }\n\
         model a from p { norm group layer layer }\n\
         model b from tiny { norm group layer layer }",
    );
    let text = check(&tiny("model p from tiny { norm layer }\nmodel a from p { norm layer }"));
    assert_eq!(text.codes(), ["E0306"]);
    assert!(text.diags.0[0].help.as_ref().unwrap().to_string().contains("leave it out"));
}

/// Whatever their order.
#[test]
fn arguments_are_one_layer() {
    let text = tiny("model a from tiny\nmodel b from tiny { layer_scale 1e-4; layer_scale@2 off }");
    let sets = ["layer_scale@2=off", "layer_scale=1e-4"];
    for sets in [sets, [sets[1], sets[0]]] {
        let spoken = check_with(&text, &sets).clean();
        assert_eq!(spoken.hash("a"), check(&text).clean().hash("b"));
    }
    let recipe = "recipe { epochs 1; batch 1; optimizer adamw { lr 1e-3 } }";
    let text = tiny(&format!("model a from tiny {{ {recipe} }}"));
    for sets in [
        ["recipe.ema=off", "recipe.ema.decay=0.5"],
        ["recipe.mix=off", "recipe.mix.mixup=0.5"],
        ["ffn=off", "ffn.ratio=3"],
    ] {
        for sets in [sets, [sets[1], sets[0]]] {
            assert_eq!(check_with(&text, &sets).codes(), ["E0305"], "{sets:?}");
        }
    }
}

/// What an upper layer says inside of something that is off below turns it on.
#[test]
fn a_group_is_off_or_on_in_one_body() {
    let recipe = |said: &str| {
        format!("recipe {{ epochs 1; batch 1; optimizer adamw {{ lr 1e-3 }}; {said} }}")
    };
    let twice =
        check(&tiny(&format!("model a from tiny {{ {} }}", recipe("ema off; ema.decay 0.5"))));
    assert_eq!(twice.codes(), ["E0305"]);
    let off = recipe("ema off");
    let layers =
        format!("model p from tiny {{ {off} }}\nmodel a from p {{ recipe.ema.decay 0.5 }}");
    check(&tiny(&layers)).clean();
}

/// Arguments are advised as arguments: from the top.
#[test]
fn advice_to_arguments_names_whole_paths() {
    let rest = "model a from tiny {\n\
        data image_folders { files \"x\"; train {} }\n\
        recipe { epochs 1; batch 1; optimizer adamw { lr 1e-3 } } }";
    for (set, path) in [
        ("recipe.lr=1", "`recipe.optimizer.lr`"),
        ("data.normalize.mean=0.5", "`data.normalize=channels`"),
        ("=", "--set 'mixer.grid=8x8'"),
    ] {
        let text = check_with(&tiny(rest), &[set]);
        let help = text.diags.0[0].help.as_ref().unwrap().to_string();
        assert!(help.contains(path), "{set}: {help}");
    }
}

/// Where windows do not fit, every stage says which do.
#[test]
fn windows_are_advised_stage_by_stage() {
    let rest = "model a from tiny { input 12x20; mixer cluster {\n\
        grid 1x1; heads 1; head_width 4; windows 5x5 } }";
    let text = check(&tiny(rest));
    assert_eq!(text.codes(), ["E0510"], "{}", text.reports());
    let help = text.diags.0[0].help.as_ref().unwrap().to_string();
    for line in ["stage 1: ", "stage 2: ", "stage 3: "] {
        assert!(help.contains(line), "{help}");
    }
}

/// Sides are searched apart where a kernel is not square.
#[test]
fn inputs_that_work_need_not_be_square() {
    let rest = "model a from tiny { input 24x40; pool icp\n\
        embed { kernel 3x5; stride 2; pad 1 } }";
    let text = check(&tiny(rest));
    assert_eq!(text.codes(), ["E0502"], "{}", text.reports());
    let help = text.diags.0[0].help.as_ref().unwrap().to_string();
    assert_eq!(help, "nearest inputs that work: 24x34, 24x42");
    check(&tiny(&rest.replace("24x40", "24x42"))).clean();
}

#[test]
fn one_stage_has_no_pool_whatever_the_row_below_says() {
    for pool in ["", "pool off"] {
        same(&format!(
            "model p from tiny {{ pool icp conv }}\n\
             model a from p {{ stages 1; width 4; {pool} }}\n\
             model b from tiny {{ stages 1; width 4 }}"
        ));
    }
}

#[test]
fn a_body_beats_its_parent() {
    same("model p from tiny { width 8 8 16 }\nmodel a from p { width 4 8 12 }\nmodel b from tiny");
    differ("model a from tiny { width 8 8 16 }\nmodel b from a { width 4 8 12 }");
}

#[test]
fn a_general_line_beats_a_selected_one_below() {
    same(
        "model p from tiny { width@2 16 }\n\
         model a from p { width 20 }\n\
         model b from tiny { width 20 20 20 }",
    );
}

#[test]
fn families_lie_over_the_parent_in_their_order_and_below_the_body() {
    same(
        "family wide { width 16 16 16; ffn.ratio 3 }\n\
         family low { ffn.ratio 1 }\n\
         model a from tiny with wide, low { width@1 4 }\n\
         model b from tiny { width 4 16 16; ffn.ratio 1 }",
    );
}

#[test]
fn set_lies_over_everything_each_over_the_one_before() {
    let text = tiny("model a from tiny { width 8 8 8 }");
    let set = check_with(&text, &["width=16", "width@3=20", "ffn.ratio=1"]).clean();
    let written = check(&tiny("model a from tiny { width 16 16 20; ffn.ratio 1 }")).clean();
    assert_eq!(set.hash("a"), written.hash("a"));
}

#[test]
fn what_is_expected_does_not_hold_an_overridden_model() {
    let text = tiny("model a from tiny { expect { params 1 } }");
    assert_eq!(check(&text).codes(), ["E0509"]);
    check_with(&text, &["width=16"]).clean();
}

#[test]
fn a_mistake_in_set_points_into_the_argument() {
    let text = check_with(&tiny("model a from tiny"), &["widht@2=16"]);
    assert_eq!(text.codes(), ["E0301"]);
    let span = text.diags.0[0].labels[0].span;
    assert_eq!(text.sources.get(span.source).name, "--set");
    assert_eq!(text.sources.slice(span), "widht");
}

/// What the first report says to do.
fn advice(text: &Text) -> String {
    text.diags.0[0].help.clone().unwrap_or_default().to_string()
}

#[test]
fn what_is_said_often_is_told_once_for_each_time() {
    let text = check(&tiny(&format!("model a from tiny {{ {} }}", "drop_path 0.5; ".repeat(400))));
    let twice = text.codes().iter().filter(|code| **code == "E0303").count();
    assert_eq!(twice, 399);
}

#[test]
fn set_selects_stages_at_the_end() {
    let text = check_with(&tiny("model a from tiny"), &["stage3.width=160"]);
    assert_eq!(text.codes(), ["E0117"]);
    assert_eq!(text.sources.slice(text.diags.0[0].labels[0].span), "stage3");
    assert_eq!(advice(&text), "write `width@3=160`");
}

#[test]
fn advice_about_arguments_is_written_as_arguments_are() {
    let help = |set: &str| {
        let text = check_with(&tiny("model a from tiny"), &[set]);
        assert_eq!(text.diags.0.len(), 1, "{}", text.reports());
        assert!(text.program.models.iter().all(|model| model.graph.is_none()), "{set}");
        advice(&text)
    };
    assert_eq!(help("ffn.depthwise=3"), "write `ffn.depthwise=3x3`");
    assert_eq!(help("ffn.depthwise=(3, 3)"), "write `ffn.depthwise=3x3`");
    assert_eq!(help("width=(8, 16)"), "write `width=8 16`");
    assert_eq!(help("blocks=2*4"), "write `blocks=8`");
    assert_eq!(help("mixer.grid=2*4"), "write `mixer.grid=2x4`");
    assert_eq!(help("width: 8"), "write --set 'width=8'");
    assert_eq!(help("width==8"), "write --set 'width=8'");
    assert_eq!(help("ffn.ratio@all=2"), "without a selector a value holds for every stage");
    for two in ["width=8;blocks=2", "width=8 blocks=2", "pool=conv blocks 2"] {
        assert_eq!(help(two), "give every setting a `--set` of its own", "{two}");
    }
}

#[test]
fn an_override_that_the_data_does_not_follow_is_told_once() {
    let text = tiny("model a from tiny { data shapes { size 16x16; classes 3 } }");
    let text = check_with(&text, &["data=off", "input=32x32"]);
    assert_eq!(text.codes(), [""; 0]);
    let text = tiny("model a from tiny { data shapes { size 16x16; classes 3 } }");
    let text = check_with(&text, &["input=32x32"]);
    assert_eq!(text.codes(), ["W0701"]);
    let help = advice(&text);
    assert!(help.starts_with("write `data.size=32x32`, or `input=16x16`\n"), "{help}");
}

// A row is measured where it holds.

/// What `tiny` is in two stages, and in four.
const TWO_AND_FOUR: &str = "\
    family other { input 16x16; classes 3; embed patches { kernel 1x1; stride 1 }\n\
    blocks 1; mixer off; ffn mlp { ratio 2 }; pool conv; head mean }\n\
    model two with other { stages 2; width 4 8 }\n\
    model four with other { stages 4; width 4 8 12 12 }\n";

#[track_caller]
fn same_as(other: &str, rest: &str) {
    let text = check(&tiny(&format!("{TWO_AND_FOUR}{rest}"))).clean();
    assert_eq!(text.hash("a"), text.hash(other), "{rest}");
}

#[test]
fn a_variant_may_have_another_number_of_stages() {
    same_as("two", "model a from tiny { stages 2; width 4 8 }");
    same_as("four", "model a from tiny { stages 4; width 4 8 12 12 }");
    // Said anew stage by stage, from a family, and of a kind.
    same_as("four", "model a from tiny { stages 4; width@1 4; width@2 8; width@3..4 12 }");
    same_as("four", "family f { stages 4; width 4 8 12 12 }\nmodel a from tiny with f");
    same_as("four", "family f { width 4 8 12 12 }\nmodel a from tiny with f { stages 4 }");
    same_as(
        "four",
        "model p from tiny { pool icp icp; pool.norm_out@2 layer }\n\
         model a from p { stages 4; width 4 8 12 12; pool conv conv conv }",
    );
    // What is said of a stage goes with it.
    same_as("two", "model p from tiny { ffn.ratio@3 4 }\nmodel a from p { stages 2; width 4 8 }");
    let text = tiny(&format!("{TWO_AND_FOUR}model a from tiny"));
    let set = check_with(&text, &["stages=2", "width=4 8"]);
    assert_eq!(set.model("a").graph.as_ref().unwrap().hash(), check(&text).hash("two"));
    check(&tiny("model m from tiny\nablation n of m { case deep { stages 4; width 4 8 12 12 } }"))
        .clean();
}

#[test]
fn a_row_for_another_number_of_stages_that_still_holds_is_a_mistake() {
    for rest in [
        "model a from tiny { stages 4 }",
        "model a from tiny { stages 2 }",
        "model a from tiny { stages 4; width@1..3 4 8 12 }\nmodel b from a { width@2 16 }",
        "model p from tiny { ffn.ratio 1 2 3 }\nmodel a from p { stages 4; width 4 }",
        "model m from tiny\nablation n of m { case deep { stages 4 } }",
    ] {
        let text = check(&tiny(rest));
        let found = &text.diags.0;
        let codes: Vec<&str> = text.codes();
        let expected = if rest.contains("model b") { "E0307" } else { "E0310" };
        assert!(codes.iter().all(|code| *code == expected), "{rest}\n{}", text.reports());
        assert!(!found.is_empty(), "{rest}");
    }
}

#[test]
fn arguments_say_nothing_twice() {
    let text = tiny("model a from tiny");
    assert_eq!(check_with(&text, &["width=8", "width=16"]).codes(), ["E0303"]);
    check_with(&text, &["width=16", "width@2=8"]).clean();
}

// 2. Inside a body order means nothing.

#[test]
fn a_selector_speaks_before_a_value_for_all() {
    same(
        "model a from tiny { width@2 16; width 20 }\n\
         model b from tiny { width 20; width@2 16 }",
    );
    same(
        "model a from tiny { width@2 16; width 20 }\n\
         model b from tiny { width 20 16 20 }",
    );
}

#[test]
fn a_dotted_path_is_a_nested_body() {
    same("model a from tiny { ffn.ratio 3 }\nmodel b from tiny { ffn { ratio 3 } }");
    same(
        "model a from tiny { pool@2 { kernel 1x1; pad 0 } }\n\
         model b from tiny { pool.kernel@2 1x1; pool.pad@2 0 }",
    );
}

#[test]
fn rows_under_a_selector_have_as_many_values_as_it_selects() {
    same(
        "model a from tiny { pool@2..3 { kernel 1x1 3x3; pad 0 1 } }\n\
         model b from tiny { pool.kernel 1x1 3x3; pool.pad 0 1 }",
    );
    same("model a from tiny { width@1,3 16 20 }\nmodel b from tiny { width 16 8 20 }");
    assert_eq!(check(&tiny("model a from tiny { width@1,3 16 20 24 }")).codes(), ["E0310"]);
}

// 3. Kinds.

#[test]
fn another_kind_starts_from_its_defaults() {
    same(
        "model p from tiny { pool icp { layers 3 } }\n\
         model a from p { pool conv }\n\
         model b from tiny",
    );
    same(
        "model p from tiny { pool icp { layers 3 } }\n\
         model q from p { pool conv }\n\
         model a from q { pool icp }\n\
         model b from tiny { pool icp }",
    );
}

#[test]
fn without_its_kind_a_body_changes_what_is_there() {
    same(
        "model p from tiny { pool icp { layers 3 } }\n\
         model a from p { pool { norm_out layer } }\n\
         model b from tiny { pool icp { layers 3; norm_out layer } }",
    );
}

#[test]
fn a_row_of_kinds() {
    same(
        "model a from tiny { pool icp off; width 4 8 8 }\n\
         model b from tiny { width 4 8 8; pool@2 icp; pool@3 off }",
    );
}

#[test]
fn kinds_nest() {
    same(
        "model a from tiny { mixer cluster { grid 2x2; heads 2; head_width 4; refine dot } }\n\
         model p from tiny { mixer cluster { grid 2x2; heads 2; head_width 4 } }\n\
         model b from p { mixer.refine dot }",
    );
}

// 4. Rows are kept column by column.

#[test]
fn a_row_from_below_keeps_its_other_columns() {
    same("model a from tiny { width@3 20 }\nmodel b from tiny { width 4 8 20 }");
}

#[test]
fn rows_of_a_family_are_measured_where_it_is_used() {
    let two = "family two { stages 2; width 4 8 }\n";
    check(&tiny(&format!("{two}model a from tiny with two {{ pool conv {{ pad 1 }} }}")));
    let text = check(&tiny("family rows { width 4 8 }\nmodel a from tiny with rows"));
    assert_eq!(text.codes(), ["E0310"]);
    assert_eq!(text.sources.slice(text.diags.0[0].labels[0].span), "4 8");
}

// 5. Off.

#[test]
fn a_stage_that_is_off_leaves_with_its_pool() {
    let text = check(&tiny("model a from tiny { blocks@2 off }")).clean();
    let graph = text.model("a").graph.as_ref().unwrap().to_string();
    assert!(!graph.contains("stage2") && graph.contains("stage3.pool"), "{graph}");
}

#[test]
fn a_later_layer_turns_a_stage_and_a_slot_on_again() {
    same(
        "model p from tiny { blocks@2 off; ffn off }\n\
         model a from p { blocks@2 1; ffn mlp { ratio 2 } }\n\
         model b from tiny",
    );
}

// 6. Changing.

#[test]
fn a_default_may_be_restated() {
    check(&tiny("model a from tiny { drop_path 0; pool.pad 1 }")).clean();
}

#[test]
fn a_value_restated_over_a_parent_is_a_warning() {
    assert_eq!(check(&tiny("model a from tiny { width 4 8 12 }")).codes(), ["W0301"]);
    assert_eq!(check_with(&tiny("model a from tiny"), &["classes=3"]).codes(), ["W0301"]);
    // Where one stage changes, the line does something.
    check(&tiny("model a from tiny { width 4 8 20 }")).clean();
}

// 7. References.

const TRAINED: &str = "\
recipe base { epochs 10; batch 32; optimizer adamw { lr 1e-3 } }\n\
recipe long from base { epochs 99 }\n\
data small from shapes { classes 3; size 16x16; train { flip horizontal } }\n";

#[test]
fn a_recipe_may_have_a_parent() {
    let text = check(&tiny(&format!("{TRAINED}model a from tiny {{ recipe long; data small }}")));
    let recipe = recipe(&text, "a");
    assert_eq!((recipe.epochs.value.0, recipe.batch.value.0), (99, 32));
}

#[test]
fn a_model_changes_its_own_view_of_a_recipe() {
    let text = check(&tiny(&format!(
        "{TRAINED}model a from tiny {{ recipe base; data small }}\n\
         model b from a {{ recipe {{ epochs 20; optimizer.lr 5e-3 }} }}\n\
         model c from b {{ recipe.batch 8 }}\n\
         model d from a {{ recipe long }}"
    )));
    let seen = |model: &str| {
        let recipe = recipe(&text, model);
        let Rate::Fixed(lr) = recipe.optimizer.lr().value else { panic!("a number") };
        (recipe.epochs.value.0, recipe.batch.value.0, lr)
    };
    assert_eq!(seen("a"), (10, 32, 1e-3));
    assert_eq!(seen("b"), (20, 32, 5e-3));
    assert_eq!(seen("c"), (20, 8, 5e-3));
    assert_eq!(seen("d"), (99, 32, 1e-3));
}

#[test]
fn a_model_changes_its_own_view_of_its_data() {
    let text = check(&tiny(&format!(
        "{TRAINED}model a from tiny {{ recipe long; data small }}\n\
         model b from a {{ data.train.flip off; data.train_images 64 }}"
    )));
    let seen = |model: &str| match text.model(model).data.clone().unwrap() {
        Data::Shapes(shapes) => {
            (shapes.train.value.flip.value.is_some(), shapes.train_images.value.0)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(seen("a"), (true, 8000));
    assert_eq!(seen("b"), (false, 64));
}

#[test]
fn a_setting_of_any_slot_may_be_an_item() {
    same(
        "pool thin from icp { layers 1 }\n\
         pool thinner from thin { norm_out layer }\n\
         model a from tiny { pool thin thinner }\n\
         model b from tiny { pool icp; pool.layers 1; pool.norm_out@3 layer }",
    );
}

// 8. What is not inherited.

#[test]
fn label_comment_and_claims_are_a_models_own() {
    let text = check(&tiny(
        "/// Two lines\n/// of words.\nmodel a \"A\" from tiny { expect { params 2_243 }; paper { top1 80.51% } }\n\
         model b from a { width@1 16 }",
    ))
    .clean();
    let (a, b) = (text.model("a"), text.model("b"));
    assert_eq!(a.label.as_deref(), Some("A"));
    assert_eq!(a.doc.as_deref(), Some("Two lines\nof words."));
    assert_eq!(a.paper[0].written, "80.51%");
    assert!(b.label.is_none() && b.doc.is_none() && b.paper.is_empty());
}

// Numbers as documentation.

#[test]
fn expectations_hold_to_the_digits_written() {
    let model =
        |claim: &str| check(&tiny(&format!("model a from tiny {{ expect {{ {claim} }} }}")));
    let count = model("").model("a").graph.as_ref().unwrap().param_count();
    assert_eq!(count, 2243);
    for right in ["params 2243", "params 2_243", "params 2.2K", "params 2K", "params 2.24K"] {
        model(right).clean();
    }
    for wrong in ["params 2242", "params 2.23K", "params 2.25K", "params 3K", "params 2.2430M"] {
        assert_eq!(model(wrong).codes(), ["E0509"], "{wrong}");
    }
}

// Files.

#[test]
fn names_of_a_used_file_are_not_passed_on() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("tiny.clue", &tiny(""));
    write("mid.clue", "use \"tiny.clue\"\nfamily mid from tiny { width 8 }");
    write("far.clue", "use \"mid.clue\"\nmodel a from mid\nmodel b from tiny");
    let text = crate::text::check_file(&folder.path().join("far.clue"));
    assert_eq!(text.codes(), ["E0204"]);
    assert!(text.model("a").graph.is_some());
}

#[test]
fn paths_are_relative_to_the_file_that_says_them() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("lib")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "lib/data.clue",
        "data here from image_folders { files \"../images\"; train {}; test {} }",
    );
    write("a.clue", &tiny("use \"lib/data.clue\"\nmodel a from tiny { data here }"));
    let text = crate::text::check_file(&folder.path().join("a.clue")).clean();
    let Some(Data::ImageFolders(data)) = text.model("a").data.clone() else { panic!() };
    let files = std::path::Path::new(&data.files.value.0).to_path_buf();
    assert_eq!(files, folder.path().join("lib/../images"));
}

// One report where several places run into the same text.

#[test]
fn only_the_chosen_models_warnings_are_heard_and_every_error() {
    let text = tiny(
        "mixer wide from cluster { grid 40x40; heads 2; head_width 4 }\n\
         model a from tiny { mixer wide }\n\
         model b from tiny { mixer wide; input 32x32 }\n\
         model c from tiny { width 4 8 20 }\n",
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.clue");
    let heard_of = |text: &str, of: Spoken<'_>| {
        std::fs::write(&file, text).unwrap();
        let mut sources = cluec::diag::Sources::default();
        let (_, diags) = cluec::compile_for(&mut sources, &file.display().to_string(), of, &[]);
        diags.0.iter().map(|d| d.message.clone()).collect::<Vec<_>>()
    };
    let heard = |text: &str, name: Option<&str>| {
        heard_of(text, name.map_or(Spoken::All, |name| Spoken::One(Some(name))))
    };
    // Which one is meant of several can not be told, and is not.
    assert!(heard_of(&text, Spoken::One(None)).is_empty());
    let one = text.replace("model a", "family a").replace("model c", "family c");
    assert_eq!(heard_of(&one, Spoken::One(None)), heard_of(&one, Spoken::One(Some("b"))));
    let all = heard(&text, None);
    assert_eq!(all.len(), 1, "{all:?}");
    assert!(all[0].ends_with("likewise stages 2 and 3; likewise in `b`"), "{all:?}");
    assert!(heard(&text, Some("b"))[0].starts_with("stage 2: a 40x40 grid on a 16x16 map"));
    assert!(heard(&text, Some("c")).is_empty());
    let wrong = text + "model d from tiny { widht 8 }";
    assert_eq!(heard(&wrong, Some("c")), ["a model has no setting `widht`"]);
}
