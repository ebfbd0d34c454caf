//! What means the same has one hash and becomes one graph.

use crate::text::{check, check_file, root};
use cluec::graph::ops::{Add, Form, Gelu, Input, Linear, Mean};
use cluec::graph::{Builder, Graph, Value};
use cluec::passes;
use cluec::plan::Plan;

/// A model of one stage; `settings` are said besides.
fn model(settings: &str) -> Graph {
    let text = check(&format!(
        "model m {{ input 8x8; classes 3; embed patches {{ kernel 1x1; stride 1 }}; stages 1\n\
         blocks 1; width 8; {settings}; head mean }}"
    ))
    .clean();
    text.model("m").graph.clone().unwrap()
}

fn cluster(settings: &str) -> Graph {
    model(&format!("mixer cluster {{ grid 2x2; head_width 4; {settings} }}; ffn mlp {{ ratio 2 }}"))
}

#[test]
fn texts_that_mean_the_same_have_one_hash() {
    let hash = cluster("heads 1").hash();
    for same in [
        "heads 1; refine cosine",
        "heads 1; refine cosine { start 2.13 }",
        "query heads; heads 1 // a remark\n",
        // One head is all heads, and one block shares with nobody.
        "heads 1; query joint",
        "heads 1; dispatch private",
    ] {
        assert_eq!(cluster(same).hash(), hash, "{same}");
    }
    for other in [
        "heads 2",
        "heads 1; refine cosine { start 2.13000001 }",
        "heads 1; refine cosine { floor 1.0001e-4 }",
        "heads 1; query pooled",
    ] {
        assert_ne!(cluster(other).hash(), hash, "{other}");
    }
    let rate = |rate: &str| {
        let text = format!("mixer off; ffn mlp {{ ratio 2 }}; blocks@1 2; drop_path {rate}");
        model(&text).hash()
    };
    assert_eq!(rate("0.1"), rate("10%"));
    // No digit is rounded away.
    assert_ne!(rate("0.1"), rate("0.1000000001"));
}

/// Two branches, pushed one way or the other.
fn branches(turned: bool, waste: bool) -> Graph {
    let mut b = Builder::new();
    let x = b.push("input", "", Input { size: [4, 4] }, &[]);
    let linear = || Linear { out: 8, form: Form::Dense };
    if waste {
        b.push("waste", "", Gelu, &[x]);
    }
    let mut pair = [Value(0); 2];
    for index in if turned { [1, 0] } else { [0, 1] } {
        let inner = b.push(&format!("branch{index}"), "", linear(), &[x]);
        // One is computed twice.
        let again = b.push(&format!("gelu{index}"), "", Gelu, &[inner]);
        let twice = b.push(&format!("again{index}"), "", Gelu, &[inner]);
        pair[index] = b.push(&format!("sum{index}"), "", Add, &[again, twice]);
        b.tap("", twice);
    }
    let sum = b.push("sum", "", Add, &pair);
    let mean = b.push("mean", "", Mean, &[sum]);
    let (graph, diags) = b.finish("branches", mean);
    assert!(!diags.has_errors());
    graph
}

#[test]
fn the_order_of_building_does_not_matter() {
    let graph = branches(false, false);
    let canonical = passes::canonical(&graph);
    assert_eq!(canonical.nodes.len(), graph.nodes.len() - 2);
    for other in [branches(true, false), branches(false, true), branches(true, true)] {
        assert_eq!(other.hash(), graph.hash());
        assert_eq!(passes::canonical(&other).to_string(), canonical.to_string());
    }
}

/// What is computed twice is computed once, and values that were asked for are still there.
#[test]
fn common_subexpressions_are_computed_once() {
    let graph = branches(false, false);
    let common = passes::common(&graph);
    assert_eq!(common.nodes.len(), graph.nodes.len() - 2);
    assert_eq!(common.taps.len(), graph.taps.len());
    common.verify().unwrap();
    for tap in &common.taps {
        assert_eq!(common.node(tap.value).op, Gelu.into());
    }
    // In a training step too, where recomputation stays recomputation.
    let plan = |graph: &Graph| Plan::training(graph).to_string();
    assert_eq!(plan(&graph), plan(&common));
}

#[test]
fn the_canonical_graph_of_every_published_model_has_its_hash() {
    let mut graphs = 0;
    for entry in std::fs::read_dir(root().join("models")).unwrap() {
        for model in check_file(&entry.unwrap().path()).program.models {
            let graph = model.graph.unwrap();
            let canonical = passes::canonical(&graph);
            assert_eq!(canonical.hash(), graph.hash(), "{}", graph.name);
            assert_eq!(passes::canonical(&canonical).to_string(), canonical.to_string());
            assert_eq!(canonical.param_count(), graph.param_count());
            assert_eq!(canonical.cost(), graph.cost(), "{}", graph.name);
            graphs += 1;
        }
    }
    assert!(graphs >= 5, "{graphs}");
}
