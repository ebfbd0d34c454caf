//! When buffers are born and die.

use crate::graph::{Choice, Few, Graph, Op, Precision, Type, Value, area};
use crate::passes::Keep;
use smallvec::smallvec;

/// Memory that one or more results share, and the nodes between which it is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// Words per image.
    pub len: usize,
    /// Positions of the first and the last node that touch it.
    pub first: usize,
    pub last: usize,
}

/// The buffers of a graph, and which of them hold the results of each node.
#[derive(Debug, Clone)]
pub struct Lives {
    pub buffers: Vec<Life>,
    pub results: Vec<Few<usize>>,
}

/// `precision` is that of maps.
pub fn lives(graph: &Graph, keep: Keep, precision: Precision) -> Lives {
    let mut lives = Lives { buffers: Vec::new(), results: Vec::with_capacity(graph.nodes.len()) };
    // The last reader of every value, parts counting as readers of what they are parts of.
    let mut last: Vec<usize> = (0..graph.nodes.len()).collect();
    for (index, node) in graph.nodes.iter().enumerate() {
        node.inputs.iter().for_each(|input| last[input.0 as usize] = index);
    }
    for value in keep.values(graph) {
        last[value.0 as usize] = graph.nodes.len();
    }
    for (index, node) in graph.nodes.iter().enumerate() {
        let of = |input: Value| &lives.results[input.0 as usize];
        let results = match &node.op {
            Op::Input(_) | Op::Labels(_) => Few::new(),
            Op::Part(part) => smallvec![of(node.inputs[0])[part.index]],
            op => {
                let shared = in_place(op, node.inputs.len())
                    .filter_map(|i| node.inputs.get(i))
                    .find(|input| {
                        let dies = last[input.0 as usize] == index;
                        let same = graph.node(**input).ty == node.ty;
                        // Read twice by this node, it must outlive the first write.
                        let once = node.inputs.iter().filter(|v| v == input).count() == 1;
                        let owned = of(**input).iter().all(|&b| lives.buffers[b].last <= index);
                        dies && same && once && owned && of(**input).len() == 1
                    });
                match shared {
                    Some(&input) => of(input).clone(),
                    None => {
                        let start = lives.buffers.len();
                        let sizes = lengths(op, &node.ty, precision);
                        let new = sizes.map(|len| Life { len, first: index, last: index });
                        lives.buffers.extend(new);
                        (start..lives.buffers.len()).collect()
                    }
                }
            }
        };
        // A part holds its buffer alone; the others of a tuple may die earlier.
        if !matches!(graph.node(Value(index as u32)).ty, Type::Tuple(_)) {
            for &buffer in &results {
                let life = &mut lives.buffers[buffer];
                life.last = life.last.max(last[index]);
            }
        }
        lives.results.push(results);
    }
    lives
}

/// Inputs, of `count`, whose memory the result may take over: ops that read an element once, before
/// they write it.
fn in_place(op: &Op, count: usize) -> impl Iterator<Item = usize> + use<> {
    let inputs = match op {
        Op::Add(_) => 0..2,
        Op::Gradient(gradient) if gradient.onto => count - 1..count,
        _ => 0..0,
    };
    inputs.rev()
}

/// How long the buffers of a node are, in words per image: indices, losses and what belongs to a choice or
/// a softmax have a word each, numbers of maps what they are stored in.
fn lengths(op: &Op, ty: &Type, precision: Precision) -> impl Iterator<Item = usize> + use<> {
    let words = |numbers: u64| numbers.div_ceil(4 / precision.bytes() as u64);
    let mut all: Few<u64> = match (op, ty) {
        (_, Type::Assignment { map, heads, choice: Choice::Hard, .. }) => {
            smallvec![area(*map) * *heads as u64; 2]
        }
        (Op::CrossEntropy(_), ty) | (_, ty @ Type::Index { .. }) => smallvec![ty.elements()],
        (_, Type::Tuple(types)) => types.iter().map(|ty| words(ty.elements())).collect(),
        (_, Type::Labels | Type::Unknown) => Few::new(),
        (_, other) => smallvec![words(other.elements())],
    };
    // Of every softmax the normalizer, which its gradient reads.
    if let (Op::Attend(attend), Some((grid, _))) = (op, ty.as_map()) {
        all.push(area(grid) * attend.heads as u64);
    }
    all.into_iter().map(|len| usize::try_from(len).unwrap_or(usize::MAX / 64))
}
