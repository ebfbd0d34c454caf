//! Where the time goes, beside what the machine could do.

use super::compiled::models;
use cluec::exec::{Grouping, Machine, Profile};
use cluec::graph::ops::Operation;
use cluec::graph::{Op, Type, Value};
use cluec::passes::{Method, Processor};
use cluec::plan::Plan;
use std::time::Duration;

/// Products of matrices are held to their rate, in whatever is stored, all others to that of vectors.
#[test]
fn products_and_vectors_have_rooflines_of_their_own() {
    let graph = models("models/cluenet_cifar.clue", &[]).remove(0);
    let plan = Plan::training_by(&graph, Method::default(), Processor::Cpu);
    // So fast at copying that it never counts.
    let machine = Machine { name: "a core", products: 4e9, vectors: 1e9, bytes: 1e18 };
    let mut seen = 0;
    for (value, node) in plan.graph.values().zip(&plan.graph.nodes) {
        let macs = plan.graph.node_cost(value.0 as usize).macs;
        let others = match &node.op {
            Op::Linear(_) | Op::Conv(_) | Op::CoordConv(_) => 0,
            // A convolution of every channel of the hidden map by itself, if there is one.
            Op::Ffn(op) => {
                let map = plan.graph.node(node.inputs[0]).ty.as_map();
                let numbers = map.map_or(0, |([h, w], _)| h * w * op.hidden);
                op.kernel.map_or(0, |[rows, columns]| (rows * columns * numbers) as u64)
            }
            Op::Attend(_) | Op::Assign(_) | Op::Gate(_) | Op::Nearest(_) => macs,
            _ => continue,
        };
        let least = (macs - others) as f64 / machine.products + others as f64 / machine.vectors;
        let mut profile = Profile::new(Grouping::Kind);
        profile.add(&plan, value, 1, 4, 1, Duration::from_secs_f64(2.0 * least));
        let table = profile.table(machine);
        assert!(table.lines().last().unwrap().ends_with(" 50%"), "{table}");
        seen += 1;
    }
    assert!(seen > 50, "{seen}");
}

/// Of the gradient of a perceptron, what is no product is taken three times.
#[test]
fn gradients_have_what_is_no_product_too() {
    let graph = models("models/cluenet_cifar.clue", &[]).remove(0);
    let plan = Plan::training_by(&graph, Method::default(), Processor::Cpu);
    let types = |of: &[Value]| -> Vec<Type> {
        of.iter().map(|&value| plan.graph.node(value).ty.clone()).collect()
    };
    let mut forward = Vec::new();
    let mut backward = Vec::new();
    for node in &plan.graph.nodes {
        let inputs = types(&node.inputs);
        let inputs: Vec<&Type> = inputs.iter().collect();
        match &node.op {
            Op::Ffn(op) => forward.push(3 * op.beside_products(&inputs, false)),
            Op::Gradient(op) if matches!(*op.of, Op::Ffn(_)) => {
                backward.push(node.op.beside_products(&inputs, false));
            }
            _ => {}
        }
    }
    forward.reverse();
    assert_eq!(forward, backward);
}
