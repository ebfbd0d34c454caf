//! Nodes that run one behind the other for a few images before the next images come: what one node
//! writes is still near the core when the next one reads it. Large maps go image by image; small
//! ones go together, so that weights and their gradients are read and written seldom.

use super::groups::MOST;
use super::lives::Lives;
use super::parts::part_of;
use crate::graph::ops::Ffn;
use crate::graph::{Graph, Node, Op, Type, Value};
use std::ops::Range;

/// A part of the model, forward or backward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Positions of its nodes.
    pub nodes: Range<usize>,
    /// Images that go through it together, at most; there is no bound where it is above any group.
    pub images: usize,
}

/// Bytes of the largest value at once: about a quarter of a second cache.
const NEAR: u64 = 512 << 10;
/// Pixels that make a product worth its weights.
const PIXELS: u64 = 256;

/// All nodes of a graph, cut where the part of the model changes.
pub fn stretches(graph: &Graph) -> Vec<Stretch> {
    let mut stretches: Vec<(Stretch, [u64; 2])> = Vec::new();
    let mut part = "";
    for (index, node) in graph.nodes.iter().enumerate() {
        // What runs nothing belongs to whatever stands around it.
        let (of, size) = match node.op {
            Op::Input(_) | Op::Labels(_) | Op::Part(_) => (part, [0, 0]),
            _ => (part_of(&node.scope, 2), largest(graph, node)),
        };
        match stretches.last_mut() {
            Some((stretch, most)) if of == part => {
                stretch.nodes.end = index + 1;
                *most = (*most).max(size);
            }
            _ => stretches.push((Stretch { nodes: index..index + 1, images: 1 }, size)),
        }
        part = of;
    }
    let sized = stretches.into_iter().map(|(stretch, [bytes, pixels])| {
        let images = (NEAR / bytes.max(1)).max(PIXELS.div_ceil(pixels.max(1)));
        let images = usize::try_from(images).unwrap_or(usize::MAX);
        Stretch { images: if images < MOST { images } else { usize::MAX }, ..stretch }
    });
    let mut stretches: Vec<Stretch> = sized.collect();
    agree(graph, &mut stretches);
    stretches
}

/// A hidden map that was kept lies as it was computed, for so many images together: so many read it
/// together.
fn agree(graph: &Graph, stretches: &mut [Stretch]) {
    let place = |stretches: &[Stretch], value: usize| {
        stretches.partition_point(|stretch| stretch.nodes.end <= value)
    };
    let mut differs = true;
    while std::mem::take(&mut differs) {
        for (reader, node) in graph.nodes.iter().enumerate() {
            for input in node.inputs.iter().filter(|&&input| hidden(graph, input)) {
                let both = [reader, input.0 as usize].map(|value| place(stretches, value));
                let [a, b] = both.map(|i| stretches[i].images);
                differs |= a != b;
                both.into_iter().for_each(|i| stretches[i].images = a.min(b));
            }
        }
    }
}

/// Whether it is the hidden map of a perceptron, which nothing but its gradient reads.
fn hidden(graph: &Graph, value: Value) -> bool {
    let node = graph.node(value);
    matches!(&node.op, Op::Part(part) if part.index == Ffn::HIDDEN)
        && matches!(graph.node(node.inputs[0]).op, Op::Ffn(_))
}

/// Bytes and pixels of the largest value that a node reads or writes, per image; a hidden map is
/// written once and read once, from afar.
fn largest(graph: &Graph, node: &Node) -> [u64; 2] {
    let inputs = node.inputs.iter().filter(|&&input| !hidden(graph, input));
    let inputs = inputs.map(|&input| &graph.node(input).ty);
    let sizes = inputs.chain([&node.ty]).map(|ty| match (ty, &node.op) {
        (Type::Tuple(types), Op::Ffn(_)) => types.first().map(size).unwrap_or_default(),
        (Type::Tuple(types), _) => types.iter().map(size).max().unwrap_or_default(),
        (ty, _) => size(ty),
    });
    sizes.max().unwrap_or_default()
}

fn size(ty: &Type) -> [u64; 2] {
    let elements = ty.elements();
    [elements.saturating_mul(4), elements / ty.channels().unwrap_or(1).max(1) as u64]
}

/// What enters or leaves a stretch that images go through in turn is held through all of it: it is
/// there for those that are through, and for those that have not begun.
pub fn hold(lives: &mut Lives, stretches: &[Stretch]) {
    let split = |stretch: &&Stretch| stretch.images < MOST;
    let of = |node| {
        let at = stretches.partition_point(|stretch| stretch.nodes.end <= node);
        stretches.get(at).filter(split)
    };
    for life in &mut lives.buffers {
        let (first, last) = (of(life.first), of(life.last));
        if first == last {
            continue;
        }
        life.first = first.map_or(life.first, |stretch| stretch.nodes.start);
        life.last = last.map_or(life.last, |stretch| stretch.nodes.end - 1);
    }
}
