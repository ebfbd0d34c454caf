//! The blocks of a model: one kind per file, its settings declared and its lowering written there.
//!
//! This list is the only other place a new kind is named.

mod cluster;
mod cluster_pool;
mod conv_pool;
mod mean_head;
mod mlp;
mod norm;
mod patches;

pub use cluster::Cluster;
pub use cluster_pool::{Fec, Icp};
pub use conv_pool::ConvPool;
pub use mean_head::MeanHead;
pub use mlp::Mlp;
pub use norm::{Group, Layer};
pub use patches::Patches;

use crate::diag::{Diagnostic, Spanned};
use crate::graph::ops::Windows;
use crate::graph::{Builder, Size, Value, times};
use crate::schema::slot;

slot! {
    /// How the image becomes the first map.
    pub enum Embed = "embed" { Patches(Patches), }
}

slot! {
    /// How a value is normalized.
    pub enum Norm = "norm" { Layer(Layer), Group(Group), }
}

slot! {
    /// How pixels exchange information.
    pub enum Mixer = "mixer" { Cluster(Cluster), }
}

slot! {
    /// What every pixel computes by itself (and its neighbors).
    pub enum FeedForward = "ffn" { Mlp(Mlp), }
}

slot! {
    /// How a map enters the next stage.
    pub enum Pool = "pool" { Icp(Icp), Fec(Fec), Conv(ConvPool), }
}

slot! {
    /// How the last map becomes logits.
    pub enum Head = "head" { Mean(MeanHead), }
}

impl Embed {
    pub fn lower(&self, b: &mut Builder, image: Value, width: usize) -> Value {
        match self {
            Embed::Patches(kind) => kind.lower(b, image, width),
        }
    }
}

impl Norm {
    /// Adds the norm called `name` (`published` in the published code).
    pub fn lower(&self, b: &mut Builder, name: &str, published: &str, x: Value) -> Value {
        match self {
            Norm::Layer(kind) => kind.lower(b, name, published, x),
            Norm::Group(kind) => kind.lower(b, name, published, x),
        }
    }
}

impl Mixer {
    /// `shared` is the assignment made earlier in the stage, if its blocks share one.
    pub fn lower(
        &self,
        b: &mut Builder,
        x: Value,
        width: usize,
        shared: &mut Option<Value>,
    ) -> Value {
        match self {
            Mixer::Cluster(kind) => kind.lower(b, x, width, shared),
        }
    }

    /// The module of the published code that holds the blocks of a stage, if there is one.
    pub fn blocks_module(&self) -> &'static str {
        match self {
            Mixer::Cluster(kind) => kind.blocks_module(),
        }
    }
}

impl FeedForward {
    pub fn lower(&self, b: &mut Builder, x: Value, width: usize) -> Value {
        match self {
            FeedForward::Mlp(kind) => kind.lower(b, x, width),
        }
    }
}

impl Pool {
    pub fn lower(&self, b: &mut Builder, x: Value, width: usize) -> Value {
        match self {
            Pool::Icp(kind) => kind.lower(b, x, width),
            Pool::Fec(kind) => kind.lower(b, x, width),
            Pool::Conv(kind) => kind.lower(b, x, width),
        }
    }
}

impl Head {
    pub fn lower(&self, b: &mut Builder, x: Value, classes: usize) -> Value {
        match self {
            Head::Mean(kind) => kind.lower(b, x, classes),
        }
    }
}

/// A pool that halves meets a map with an odd side: the code of that mistake.
pub const ODD_MAP: &str = "E0502";

/// An optional norm: the value itself where there is none.
fn normed(
    norm: &Spanned<Option<Norm>>,
    b: &mut Builder,
    name: &str,
    published: &str,
    x: Value,
) -> Value {
    match &norm.value {
        Some(kind) => b.at(norm.span, |b| kind.lower(b, name, published, x)),
        None => x,
    }
}

/// Windows cut a map (called `what`) into equal parts.
fn windows_divide(b: &mut Builder, windows: Spanned<Size>, map: Size, what: &str) -> bool {
    let divides = Windows(*windows).divide(map);
    if !divides {
        let message = format!("{} windows do not divide {what} of {}", times(*windows), times(map));
        let mut diagnostic =
            Diagnostic::error("E0510", message).at(windows.span, "do not divide it");
        if let Some(span) = b.input_span() {
            diagnostic = diagnostic.at(span, "comes from here");
        }
        let mut near = nearest_windows(*windows, map).map(times).to_vec();
        near.dedup();
        let near = near.join(", ");
        b.diags.push(diagnostic.help(format!("nearest windows that divide it: {near}")));
    }
    divides
}

/// Windows that divide a map: along both sides the next fewer of them, and the next more.
fn nearest_windows(windows: Size, map: Size) -> [Size; 2] {
    let fewer = [0, 1].map(|axis| {
        let divides = |n: &usize| map[axis].is_multiple_of(*n);
        (1..=windows[axis].min(map[axis])).rev().find(divides).unwrap_or(1)
    });
    let more = [0, 1].map(|axis| {
        let divides = |n: &usize| map[axis].is_multiple_of(*n);
        (windows[axis]..=map[axis]).find(divides).unwrap_or(fewer[axis])
    });
    [fewer, more]
}

/// A kernel that keeps the map must have a middle.
fn odd_kernel(b: &mut Builder, kernel: Spanned<Size>) -> bool {
    let odd = kernel.iter().all(|side| side % 2 == 1);
    if !odd {
        b.diags.push(
            Diagnostic::error("E0503", "a kernel that keeps the map has odd sides")
                .at(kernel.span, "even")
                .help("write `3x3` or `5x5`")
                .fix(kernel.span, "3x3")
                .fix(kernel.span, "5x5"),
        );
    }
    odd
}
