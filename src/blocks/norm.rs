//! Norms.

use crate::graph::ops::{GroupNorm, LayerNorm};
use crate::graph::{Builder, Value};
use crate::schema::block;

block! {
    /// Layer norm over the channels of every pixel.
    pub struct Layer = "layer" {}
}

impl Layer {
    pub fn lower(&self, b: &mut Builder, name: &str, published: &str, x: Value) -> Value {
        b.push(name, published, LayerNorm, &[x])
    }
}

block! {
    /// Group norm with one group, over all pixels and channels of a map.
    pub struct Group = "group" {}
}

impl Group {
    pub fn lower(&self, b: &mut Builder, name: &str, published: &str, x: Value) -> Value {
        b.push(name, published, GroupNorm, &[x])
    }
}
