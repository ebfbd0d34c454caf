//! What `check` says, on models and diagnostics made by hand.

use crate::text::check;
use cluec::cli::check::{Outcome, github, report_human, report_json, sarif};
use cluec::cli::select;
use cluec::diag::{Diagnostic, Diags, Sources, Span};
use cluec::graph::Builder;
use cluec::graph::ops::{Form, Input, Linear, Mean};
use cluec::model::{Checked, Claim, Program};
use insta::assert_snapshot;

fn checked(name: &str, channels: usize, sources: &mut Sources) -> Checked {
    let source = sources.add(format!("{name}.clue"), "model");
    let mut b = Builder::new();
    let input = b.push("input", "", Input { size: [32, 32] }, &[]);
    let mean = b.push("mean", "", Mean, &[input]);
    let head = b.push("head", "head", Linear { out: channels, form: Form::Dense }, &[mean]);
    let (graph, diags) = b.finish(name, head);
    assert!(!diags.has_errors());
    let claim = |quantity: &str, written: &str, value: f64| Claim {
        quantity: quantity.to_string(),
        written: written.to_string(),
        value,
        tolerance: 0.0,
        span: Span::new(source, 0, 5),
    };
    let text = check(
        "model m { input 8x8; classes 3; embed patches { kernel 1x1; stride 1 }; stages 1\n\
         blocks 1; width 8; mixer off; ffn mlp { ratio 2 }; head mean }",
    );
    let mut model = text.clean().model("m").clone();
    (model.name, model.source) = (name.to_string(), source);
    model.span = Span::new(source, 0, 5);
    model.graph = Some(graph);
    model.paper = vec![claim("params", "0.4k", 400.0), claim("top1", "80.51%", 0.8051)];
    model
}

fn outcome() -> Outcome {
    let mut sources = Sources::default();
    let file = sources.add("a.clue", "model a {\n    é width 3\n}\n");
    let set = sources.add("--set", "width=4");
    let good = checked("good", 100, &mut sources);
    let wide = checked("a_wide_one", 100_000, &mut sources);
    let mut bad = good.clone();
    (bad.graph, bad.name) = (None, "bad".into());
    let mut diags = Diags::default();
    diags.push(
        Diagnostic::error("E0901", "a mistake")
            .at(Span::new(file, 17, 22), "found")
            .at(Span::new(set, 0, 5), "overruled here")
            .help("write something else"),
    );
    diags.push(Diagnostic::warning("W0902", "changes nothing"));
    let program = Program { models: vec![good, bad, wide], ..Program::default() };
    Outcome { file: "a.clue".into(), sources, program, diags, needs: Vec::new() }
}

#[test]
fn json_is_a_contract() {
    let mut report = report_json(&[outcome()]);
    for model in report["files"][0]["models"].as_array_mut().unwrap() {
        // Hashes move when an op gains a setting.
        assert_eq!(model["hash"].as_str().unwrap().len(), 16);
        model["hash"] = "…".into();
    }
    assert_snapshot!(format!("{report:#}"));
}

#[test]
fn json_of_a_file_without_mistakes() {
    let clean = Outcome { diags: Diags::default(), program: Program::default(), ..outcome() };
    assert_eq!(
        report_json(&[clean]).to_string(),
        r#"{"files":[{"file":"a.clue","ok":true,"models":[],"ablations":[],"diagnostics":[]}]}"#
    );
}

#[test]
fn table_for_people() {
    assert_snapshot!(report_human(&[outcome()], None, None));
}

#[test]
fn a_table_leaves_out_what_there_is_no_room_for() {
    assert_snapshot!(report_human(&[outcome()], None, Some(50)));
    // A name is always shown.
    assert!(report_human(&[outcome()], None, Some(1)).starts_with("model\ngood\n"));
}

#[test]
fn several_models_want_a_name() {
    let mut program = outcome().program;
    assert_eq!(
        select(&program, None, "train", "a.clue").unwrap_err(),
        "three models here: good, bad, a_wide_one; say which: `cluec train a.clue good`"
    );
    assert_eq!(
        select(&program, Some("goood"), "train", "a.clue").unwrap_err(),
        "there is no model `goood` in a.clue; did you mean `good`?"
    );
    assert_eq!(select(&program, Some("bad"), "train", "a.clue").unwrap().name, "bad");
    program.models.truncate(1);
    assert_eq!(select(&program, None, "train", "a.clue").unwrap().name, "good");
    program.models.clear();
    assert_eq!(
        select(&program, None, "train", "a.clue").unwrap_err(),
        "there is no model in a.clue"
    );
}

#[test]
fn annotations_for_workflows() {
    assert_snapshot!(github::report(&[outcome()]));
}

#[test]
fn sarif_has_the_shape_its_readers_ask_for() {
    let mut unreadable = Diags::default();
    unreadable.push(Diagnostic::error("E0202", "there is no file no one.clue"));
    let gone = Outcome { file: "no one.clue".into(), diags: unreadable, ..outcome() };
    let log = serde_json::to_value(sarif::report(&[outcome(), gone])).unwrap();
    assert_snapshot!(format!("{log:#}"));

    // Types made from the schema of OASIS read it, and nothing in it is unknown to them.
    let read: serde_sarif::sarif::Sarif = serde_json::from_value(log.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), log);

    // What the schema's types can not hold (SARIF 2.1.0, sections 3.13 to 3.30).
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let driver = &run["tool"]["driver"];
    assert!(driver["name"].is_string());
    let rules: Vec<&str> =
        driver["rules"].as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap()).collect();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 3);
    for result in results {
        assert!(result["message"]["text"].is_string());
        assert!(["error", "warning"].contains(&result["level"].as_str().unwrap()));
        let rule = result["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(rules[rule], result["ruleId"]);
        let related = result["relatedLocations"].as_array().into_iter().flatten();
        for location in result["locations"].as_array().unwrap().iter().chain(related) {
            let place = &location["physicalLocation"];
            let uri = place["artifactLocation"]["uri"].as_str().unwrap();
            assert!(uri.is_ascii() && !uri.contains(' '), "{uri}");
            if let Some(region) = place["region"].as_object() {
                let of = |key: &str| region[key].as_u64().unwrap();
                assert!(of("startLine") >= 1 && of("startColumn") >= 1);
                assert!((of("startLine"), of("startColumn")) <= (of("endLine"), of("endColumn")));
            }
        }
    }
}
