//! What `summary` and `graph` print.

use cluec::cli::summary::{report_human, report_json};
use cluec::graph::{Drawing, Graph};
use cluec::model::Checked;
use cluec::plan::{Plan, parts};
use insta::assert_snapshot;

/// A model small enough to be read.
const SMALL: &str = "
model small \"Small\" {
    input   16x16
    classes 3
    embed   patches { kernel 4x4; stride 4 }

    stages 2
    blocks 1 1
    width  8 16
    norm   layer
    mixer  cluster {
        grid       2x2
        heads      1 2
        head_width 4
        refine     cosine
        fuse       gate
        query      heads
        assign     hard
        dispatch   shared
    }
    ffn  mlp { ratio 2; depthwise 3x3 }
    pool conv
    head mean
}
";

fn small() -> (Checked, Graph) {
    let mut sources = cluec::diag::Sources::default();
    let (mut program, diags) = cluec::compile_text(&mut sources, "small.clue", SMALL, &[]);
    assert!(diags.0.is_empty(), "{:?}", diags.0);
    let mut model = program.models.remove(0);
    let graph = model.graph.take().unwrap();
    (model, graph)
}

#[test]
fn a_table_of_stages() {
    let (model, graph) = small();
    assert_snapshot!(report_human(&model, &graph, false, None));
}

#[test]
fn a_table_of_blocks() {
    let (model, graph) = small();
    assert_snapshot!(report_human(&model, &graph, true, None));
}

#[test]
fn summary_json_is_a_contract() {
    let (model, graph) = small();
    let mut report = report_json(&model, &graph);
    assert_eq!(report["hash"].as_str().unwrap(), graph.hash());
    report["hash"] = "…".into();
    assert_eq!(report["blocks"].as_array().unwrap().len(), 3);
    report["blocks"].as_array_mut().unwrap().truncate(1);
    assert_snapshot!(format!("{report:#}"));
}

#[test]
fn parts_sum_to_the_whole() {
    let (_, graph) = small();
    let training = Plan::training(&graph);
    for depth in [1, 2, 3] {
        let parts = parts(&graph, &training, depth);
        assert_eq!(parts.iter().map(|p| p.params).sum::<u64>(), graph.param_count());
        assert_eq!(parts.iter().map(|p| p.cost).sum::<cluec::graph::cost::Cost>(), graph.cost());
        let bytes: u64 = parts.iter().map(|p| p.train_bytes).sum();
        assert_eq!(bytes, training.kept.iter().sum::<u64>());
        // Beside what is kept there is what is at work.
        assert!(bytes > 0 && bytes <= training.bytes_per_image());
    }
}

#[test]
fn a_stage_as_text() {
    let (_, graph) = small();
    assert_snapshot!(Drawing::part(&graph, "stage2").unwrap().text());
    assert_eq!(Drawing::whole(&graph).text(), graph.to_string());
    assert!(Drawing::part(&graph, "stage3").is_none());
    assert!(Drawing::part(&graph, "stage").is_none());
}

#[test]
fn a_stage_for_graphviz() {
    let (_, graph) = small();
    assert_snapshot!(Drawing::part(&graph, "stage2").unwrap().dot());
}

#[test]
fn a_stage_for_mermaid() {
    let (_, graph) = small();
    assert_snapshot!(Drawing::part(&graph, "stage2").unwrap().mermaid());
}

/// A column a stage with its blocks folded, or a column a block with its nodes.
#[test]
fn a_model_and_a_stage_as_pictures() {
    let (_, graph) = small();
    assert_snapshot!(Drawing::whole(&graph).svg());
    assert_snapshot!(Drawing::part(&graph, "stage2").unwrap().svg());
}

#[test]
fn graph_json_is_a_contract() {
    let (_, graph) = small();
    let mut report = Drawing::part(&graph, "head").unwrap().json();
    // The hash moves with every change of the text form, and is held elsewhere.
    assert_eq!(report["hash"].as_str().unwrap(), graph.hash());
    report["hash"] = "…".into();
    assert_snapshot!(format!("{report:#}"));
}
