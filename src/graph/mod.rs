//! The graph: static single assignment over channels-last values, batch symbolic.
//!
//! Invariants, held by [`Builder::push`], the only way to add a node:
//! - an input of a node stands before it;
//! - the type of a node was inferred by its op from its inputs, once;
//! - every parameter belongs to exactly one node and has a unique name.
//!
//! Spans stand in a side table, so that equal texts in different places give equal graphs.

mod builder;
pub mod cost;
mod draw;
mod edit;
mod hash;
pub mod ops;
mod precision;
mod text;
mod types;
mod verify;

pub use builder::Builder;
pub use draw::Drawing;
pub use edit::Edit;
pub use ops::Op;
pub use precision::Precision;
pub use types::{Choice, Dims, Size, Type, area, times};

use crate::diag::Span;
use smallvec::SmallVec;
use std::sync::Arc;

/// A node and its one result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(pub u32);

/// Index into [`Graph::params`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParamId(pub u32);

/// What a node has a few of, in place.
pub type Few<T> = SmallVec<[T; 6]>;

/// Passes copy most nodes as they are: all that is long is shared.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub op: Op,
    pub inputs: Few<Value>,
    pub params: Few<ParamId>,
    pub ty: Type,
    /// Where it stands in the model, e.g. `stage2.block1.mixer.key`; unique per node.
    pub scope: Arc<str>,
}

/// How a parameter begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    Constant(f64),
    Normal {
        std: f64,
    },
    /// Normal, cut at ±2 (absolute, as published).
    TruncatedNormal {
        std: f64,
    },
    /// Between ± the bound.
    Uniform {
        bound: f64,
    },
}

/// How the published code lays a tensor out, beside our channels-last layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    Same,
    /// `[out, in]`, ours `[in, out]`.
    Linear,
    /// `[out, in, 1, 1]`, ours `[in, out]`.
    Conv1x1,
    /// `[out, in, kh, kw]`, ours `[kh, kw, in, out]`.
    Conv,
    /// `[C, 1, kh, kw]`, ours `[kh, kw, C]`.
    Depthwise,
    /// `[heads, out, in]`, ours `[heads, in, out]`.
    PerHead,
}

/// What an op says of one of its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct ParamSpec {
    pub name: &'static str,
    /// Its name below the module's in the published weights.
    pub published: &'static str,
    pub shape: Vec<usize>,
    pub init: Init,
    pub layout: Layout,
}

/// A parameter of the graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// `stage2.block1.mixer.key.weight`.
    pub name: String,
    /// `network.2.blocks.0.token_mixer.k.weight`.
    pub published: String,
    pub shape: Vec<usize>,
    pub init: Init,
    pub layout: Layout,
}

impl Param {
    /// Whether it is of those that weight decay is meant for: what multiplies, not biases, scales
    /// and temperatures. (The published recipe decays everything; a recipe says which it wants.)
    pub fn multiplies(&self) -> bool {
        self.shape.len() > 1 && !matches!(self.init, Init::Constant(_))
    }

    pub fn elements(&self) -> usize {
        self.shape.iter().fold(1, |n: usize, &d| n.saturating_mul(d))
    }
}

/// An intermediate value under the name of a module of the published code.
#[derive(Debug, Clone, PartialEq)]
pub struct Tap {
    pub published: Arc<str>,
    pub value: Value,
}

/// A lowered model.
#[derive(Debug, Clone)]
pub struct Graph {
    pub name: String,
    pub nodes: Vec<Node>,
    pub params: Arc<[Param]>,
    pub taps: Vec<Tap>,
    /// The logits.
    pub output: Value,
    /// What is minimized, in a graph that trains.
    pub loss: Option<Value>,
    spans: Vec<Option<Span>>,
}

impl Graph {
    pub fn node(&self, value: Value) -> &Node {
        &self.nodes[value.0 as usize]
    }

    /// The types of some values.
    pub fn types(&self, values: &[Value]) -> Few<&Type> {
        values.iter().map(|&value| &self.node(value).ty).collect()
    }

    /// All values, in order.
    pub fn values(&self) -> impl Iterator<Item = Value> + use<> {
        (0..self.nodes.len() as u32).map(Value)
    }

    pub fn param(&self, id: ParamId) -> &Param {
        &self.params[id.0 as usize]
    }

    /// The text that asked for a node.
    pub fn span(&self, value: Value) -> Option<Span> {
        self.spans[value.0 as usize]
    }

    /// Rows and columns of the images it takes.
    pub fn input_size(&self) -> Size {
        match &self.nodes[0].op {
            Op::Input(input) => input.size,
            _ => unreachable!("the first node is the input"),
        }
    }

    /// Numbers of an image it takes.
    pub fn image_numbers(&self) -> usize {
        let [height, width] = self.input_size();
        3 * height * width
    }

    /// The windows in which pixels and centers met for an assignment or index.
    pub fn windows(&self, value: Value) -> ops::Windows {
        match &self.node(value).op {
            Op::Assign(op) => op.windows,
            Op::Nearest(op) => op.windows,
            _ => ops::Windows::WHOLE,
        }
    }

    /// How many classes the logits tell apart.
    pub fn classes(&self) -> usize {
        self.node(self.output).ty.channels().unwrap_or(0)
    }

    /// How parameters move, in a graph that trains.
    pub fn update(&self) -> Option<&ops::Update> {
        self.nodes.iter().rev().find_map(|node| match &node.op {
            Op::Update(update) => Some(update),
            _ => None,
        })
    }

    /// Scalars in all parameters.
    pub fn param_count(&self) -> u64 {
        self.params.iter().map(|p| p.elements() as u64).sum()
    }
}
