//! Where the time goes, beside what the machine could do.

use super::compiled::models;
use cluec::exec::{Grouping, Machine, Profile};
use cluec::passes::{Method, Processor};
use cluec::plan::Plan;
use std::time::Duration;

/// Products of matrices are held to the rate of these, in whatever is stored, all others to that of vectors.
#[test]
fn products_and_vectors_have_rooflines_of_their_own() {
    let graph = models("models/cluenet_cifar.clue", &[]).remove(0);
    let plan = Plan::training_by(&graph, Method::default(), Processor::Cpu);
    // So fast at copying that it never counts.
    let machine = Machine { name: "a core", products: 4e9, vectors: 1e9, bytes: 1e18 };
    for (value, node) in plan.graph.values().zip(&plan.graph.nodes) {
        let macs = plan.graph.node_cost(value.0 as usize).macs;
        let rate = match node.op.name().split(' ').next().unwrap() {
            "linear" | "ffn" | "conv" | "coord_conv" | "dispatch_linear" => machine.products,
            "attend" | "assign" | "gate" | "nearest" => machine.vectors,
            _ => continue,
        };
        let mut profile = Profile::new(Grouping::Kind);
        let time = Duration::from_secs_f64(2.0 * macs as f64 / rate);
        profile.add(&plan, value, 1, 4, 1, time);
        let table = profile.table(machine);
        let row = table.lines().last().unwrap();
        assert!(row.ends_with(" 50%"), "{table}");
    }
}
