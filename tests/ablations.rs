//! Ablations: what a case is made of, and how it is spoken of.

use crate::text::{Text, check, check_with, root};
use cluec::model::{Ablation, Case};

/// A model that lowers fast, and an ablation of it.
fn text(cases: &str) -> String {
    format!(
        "model tiny {{ input 16x16; classes 3; embed patches {{ kernel 1x1; stride 1 }}\n\
         stages 3; blocks 1; width 4 8 12; mixer off; ffn mlp {{ ratio 2 }}; pool conv; head mean\n\
         data shapes {{ size 16x16; classes 3 }}; recipe {{ epochs 3; batch 8; optimizer adamw {{ lr 1e-3 }} }} }}\n\
         ablation parts of tiny {{\n{cases}\n}}"
    )
}

fn parts(text: &Text) -> &Ablation {
    &text.program.ablations[0]
}

#[track_caller]
fn case<'a>(text: &'a Text, name: &str) -> &'a Case {
    let cases = &parts(text).cases;
    cases.iter().find(|case| case.model.name == name).unwrap_or_else(|| panic!("no case {name}"))
}

/// Widths, ratio and learning rate: what the cases here change.
fn says(text: &Text, name: &str, path: &str) -> String {
    cluec::model::row(&case(text, name).model.settings(), path).unwrap()
}

#[test]
fn a_case_is_a_layer_over_its_model() {
    let checked =
        check(&text("case a { width 8 8 16 }\ncase b { width@1 16; ffn.ratio 3 }")).clean();
    assert_eq!(says(&checked, "a", "width"), "8 8 16");
    assert_eq!(says(&checked, "b", "width"), "16 8 12");
    assert_eq!(says(&checked, "b", "ffn.ratio"), "3");
    let graph = case(&checked, "a").model.graph.as_ref().unwrap().hash();
    let alone = check(&case(&checked, "a").model.text());
    assert_eq!(alone.hash("a"), graph, "a case printed in full is a model by itself");
}

#[test]
fn what_an_ablation_alone_speaks_of_is_used() {
    let cases = "case a { recipe quick }\ncase b { pool thin }";
    let items = "recipe quick { epochs 1; batch 8; optimizer adamw { lr 1e-3 } }\n\
                 pool thin from conv { kernel 1x1; pad 0 }";
    check(&format!("{}\n{items}", text(cases))).clean();
    // A file whose model is varied, or whose item a case names.
    check(
        "use \"cluenet_micro.clue\"\nablation a of cluenet_micro { case b { mixer.assign soft } }",
    )
    .clean();
}

#[test]
fn cases_lie_over_each_other_in_the_order_of_with() {
    let cases = "case a { width@1 16; ffn.ratio 3 }\ncase b { width@1 8; recipe.batch 4 }\n\
                 case ab with a, b\ncase ba with b, a { drop_path 0.1 }";
    let checked = check(&text(cases)).clean();
    assert_eq!(says(&checked, "ab", "width"), "8 8 12");
    assert_eq!(says(&checked, "ba", "width"), "16 8 12");
    assert_eq!(says(&checked, "ab", "ffn.ratio"), "3");
    assert_eq!(says(&checked, "ba", "recipe.batch"), "4");
}

#[test]
fn a_case_reached_by_two_roads_is_laid_once() {
    // Laid twice, `both` would have the learning rate of `root` again.
    let cases = "case root { recipe.optimizer.lr 2e-3; mixer cluster { grid 2x2; heads 1; head_width 4 } }\n\
                 case left with root { recipe.optimizer.lr 4e-3 }\n\
                 case right with root { recipe.batch 4 }\n\
                 case both with left, right";
    let checked = check(&text(cases)).clean();
    assert_eq!(says(&checked, "both", "recipe.optimizer.lr"), "0.004");
    assert_eq!(says(&checked, "both", "recipe.batch"), "4");
}

#[test]
fn a_case_may_build_on_one_below_it() {
    let checked = check(&text("case a with b { width@1 8 }\ncase b { ffn.ratio 3 }")).clean();
    assert_eq!(says(&checked, "a", "ffn.ratio"), "3");
    assert_eq!(case(&checked, "a").with, ["b"]);
}

#[test]
fn it_is_known_in_what_a_case_differs() {
    let cases = "case graph { ffn.ratio 3 }\ncase recipe { recipe.batch 4 }\n\
                 case data { data.train.flip horizontal }\ncase both with graph, recipe";
    let checked = check(&text(cases)).clean();
    let differs: Vec<_> = parts(&checked).cases.iter().map(|case| case.differs.unwrap()).collect();
    let flags: Vec<_> = differs.iter().map(|d| (d.graph, d.recipe, d.data)).collect();
    let (yes, no) = (true, false);
    assert_eq!(flags, [(yes, no, no), (no, yes, no), (no, no, yes), (yes, yes, no)]);
}

#[test]
fn an_override_lies_over_the_model_and_every_case() {
    let cases = "case wide { width 8 8 16 }\ncase deep { blocks 2 }";
    let checked = check_with(&text(cases), &["blocks=1 1 2"]).clean();
    assert_eq!(says(&checked, "wide", "blocks"), "1 1 2");
    assert_eq!(says(&checked, "deep", "blocks"), "1 1 2");
    let base = &parts(&checked).base.settings();
    assert_eq!(cluec::model::row(base, "blocks").unwrap(), "1 1 2");
}

#[test]
fn the_labels_and_documentation_of_cases() {
    let checked =
        check(&text("/// Wider.\ncase wide \"W\" { width 8 8 16; paper { top1 70% } }")).clean();
    let model = &case(&checked, "wide").model;
    assert_eq!(model.label.as_deref(), Some("W"));
    assert_eq!(model.doc.as_deref(), Some("Wider."));
    assert_eq!(model.paper[0].written, "70%");
}

#[test]
fn table_3_is_what_the_paper_counts() {
    let path = root().join("models/table3.clue");
    let checked = crate::text::check_file(&path);
    // Spare parameters, and the projection of FEC's pool: no gradient reaches them, as in the paper.
    assert_eq!(checked.codes(), ["W0502", "W0502"], "{}", checked.reports());
    let mut table = String::new();
    for ablation in &checked.program.ablations {
        table += &format!("{} of {}\n", ablation.name, ablation.base.name);
        for case in &ablation.cases {
            let graph = case.model.graph.as_ref().unwrap();
            table += &format!(
                "  {:<12} {:>9} {:>11}\n",
                case.model.name,
                graph.param_count(),
                graph.cost().ptflops
            );
        }
    }
    insta::assert_snapshot!(table);
}
