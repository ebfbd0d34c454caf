//! What a training step is made of, on the founding model.

use crate::text::{check_file, root};
use cluec::graph::{Graph, Op};
use cluec::passes::{self, Keep, Method, Processor};

fn step() -> Graph {
    let text = check_file(&root().join("models/cluenet_tiny.clue")).clean();
    let graph = text.model("cluenet_tiny").graph.as_ref().unwrap();
    passes::step(graph, Method::default(), Processor::Cpu, Keep::Output)
}

/// Maps of the first three stages have four to sixty-four pixels a center, that of the last has one.
#[test]
fn a_dispatch_takes_in_the_layer_behind_it_where_pixels_are_many() {
    let graph = step();
    let scopes = |wanted: fn(&Op) -> bool| -> Vec<&str> {
        let nodes = graph.nodes.iter().filter(|node| wanted(&node.op));
        nodes.map(|node| node.scope.split('.').next().unwrap()).collect()
    };
    let fused = scopes(|op| matches!(op, Op::DispatchLinear(_)));
    assert_eq!(fused.len(), 3 + 4 + 5);
    assert!(!fused.contains(&"stage4"));
    assert!(scopes(|op| matches!(op, Op::Dispatch(_))).iter().all(|&stage| stage == "stage4"));
}

#[test]
fn the_last_gradient_of_a_value_is_added_to_the_others() {
    let graph = step();
    let mut added = 0;
    for node in &graph.nodes {
        match &node.op {
            Op::Add(_) => {
                let last = node.inputs.iter().max().unwrap();
                let able = matches!(&graph.node(*last).op, Op::Gradient(op) if op.of.accumulates());
                assert!(!able, "{} could be added by its node", node.scope);
            }
            Op::Gradient(op) if op.onto => added += 1,
            _ => {}
        }
    }
    assert!(added > 50);
}

/// Of stages as wide as those of 14x14 and of 7x7; on a GPU none.
#[test]
fn hidden_maps_of_wide_perceptrons_are_kept_on_a_cpu() {
    let keeping = |graph: &Graph| {
        let all = graph.nodes.iter().filter(|node| matches!(&node.op, Op::Ffn(op) if op.keeps));
        all.map(|node| node.scope.split('.').next().unwrap().to_string()).collect::<Vec<_>>()
    };
    let graph = step();
    let kept = keeping(&graph);
    // Five blocks and two, and the pooling before the last.
    assert_eq!(kept.iter().filter(|stage| *stage == "stage3").count(), 5);
    assert!(kept.iter().all(|stage| stage == "stage3" || stage == "stage4"), "{kept:?}");
    let reading = graph.nodes.iter().filter(|node| match &node.op {
        Op::Gradient(op) => matches!(&*op.of, Op::Ffn(of) if of.keeps),
        _ => false,
    });
    assert_eq!(reading.count(), kept.len());

    let text = check_file(&root().join("models/cluenet_tiny.clue")).clean();
    let model = text.model("cluenet_tiny").graph.as_ref().unwrap();
    let graph = passes::step(model, Method::default(), Processor::Gpu, Keep::Output);
    assert!(keeping(&graph).is_empty());
}
