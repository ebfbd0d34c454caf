//! Coordinates are known from the place of a pixel, and stand in no map.

use crate::text::check;
use cluec::graph::Graph;
use cluec::graph::ops::{Add, Conv, Coordinates, Input, Mean};
use cluec::graph::{Builder, Op};
use cluec::passes::{self, Keep, Method, Processor};

fn model(coords: &str) -> Graph {
    let text = check(&format!(
        "model m {{ input 8x8; classes 3; embed patches {{ kernel 2x2; stride 2; coords {coords} }}\n\
         stages 1; blocks 1; width 4; mixer off; ffn off; head mean }}"
    ));
    text.clean().model("m").graph.clone().unwrap()
}

#[test]
fn a_convolution_over_coordinates_knows_them() {
    let graph = passes::coordinates(&model("on"));
    insta::assert_snapshot!(passes::dead(graph, Keep::Output));
    // In a training step no map holds them, forward or backward.
    let step = passes::step(&model("on"), Method::default(), Processor::Cpu, Keep::Output);
    assert!(step.nodes.iter().all(|node| node.op != Coordinates.into()));
}

#[test]
fn it_counts_what_the_two_ops_count() {
    let (model, known) = (model("on"), passes::coordinates(&model("on")));
    assert_eq!(known.cost(), model.cost());
    assert_eq!(known.node(known.output).ty, model.node(model.output).ty);
}

#[test]
fn a_convolution_without_coordinates_stays() {
    let graph = model("off");
    assert_eq!(passes::coordinates(&graph).to_string(), graph.to_string());
}

/// Whoever else reads the map still finds it.
#[test]
fn a_map_that_is_read_otherwise_is_kept() {
    let mut b = Builder::new();
    let x = b.push("input", "", Input { size: [4, 4] }, &[]);
    let map = b.push("coordinates", "", Coordinates, &[x]);
    let conv = Conv { out: 5, kernel: [1, 1], stride: 1, pad: 0 };
    let features = b.push("conv", "", conv, &[map]);
    let sum = b.push("add", "", Add, &[features, map]);
    let mean = b.push("mean", "", Mean, &[sum]);
    let (graph, diags) = b.finish("both", mean);
    assert!(!diags.has_errors());
    let graph = passes::evaluation(&graph, Keep::Output);
    let is = |wanted: fn(&Op) -> bool| graph.nodes.iter().filter(|n| wanted(&n.op)).count();
    assert_eq!(is(|op| matches!(op, Op::Coordinates(_))), 1);
    assert_eq!(is(|op| matches!(op, Op::CoordConv(_))), 1);
}
