//! Every op of the language of graphs has a test of its derivative, or a reason why it has none.

use super::{Draw, drawn, fused};
use cluec::graph::Op;
use std::collections::BTreeSet;

/// Ops without a derivative.
const WITHOUT: [(&str, &str); 6] = [
    ("Input", "it is given, and no gradient of images is asked for"),
    ("Labels", "a class is no number that changes a little"),
    ("Spare", "it is never computed"),
    ("Gradient", "it is the derivative of another op; of a second one nothing is made"),
    ("Part", "it stands behind a gradient, or takes a perceptron's result from what is kept of it"),
    ("Update", "training ends there"),
];

/// The loss, which a model does not have by itself; `loss` holds it to differences.
const LOSS: &str = "CrossEntropy";

/// What an op is called in the list of ops.
pub fn name(op: &Op) -> String {
    format!("{op:?}").chars().take_while(|c| c.is_alphanumeric()).collect()
}

/// The ops that `src/graph/ops/mod.rs` lists.
fn listed() -> BTreeSet<String> {
    let source = include_str!("../../../src/graph/ops/mod.rs");
    let (_, list) = source.split_once("\nops! {").unwrap();
    let (list, _) = list.split_once('}').unwrap();
    let names = list.lines().filter_map(|line| line.trim().trim_end_matches(',').split_once("::"));
    names.map(|(_, name)| name.to_string()).collect()
}

/// A new op is held to differences (`drawn`), to the ops it is made of (`fused`), or says why it has no
/// derivative (`WITHOUT`).
#[test]
fn the_derivative_of_every_op_is_tested() {
    let pieces = drawn::DRAWINGS.map(|(name, drawing)| drawing(name, &mut Draw::named(name, 0)));
    let mut tested: BTreeSet<String> =
        pieces.iter().flat_map(|piece| piece.ops().map(name)).collect();
    tested.extend(fused::DRAWINGS.map(|(name, _)| name.to_string()));
    tested.insert(LOSS.to_string());
    let without: BTreeSet<String> = WITHOUT.iter().map(|(name, _)| name.to_string()).collect();
    let both: Vec<_> = tested.intersection(&without).collect();
    assert!(both.is_empty(), "{both:?} are tested, and said to have no derivative");
    let known: BTreeSet<String> = tested.union(&without).cloned().collect();
    assert!(listed().len() > 30, "{:?}", listed());
    assert_eq!(known, listed(), "ops that are tested or have no derivative, and those there are");
}
