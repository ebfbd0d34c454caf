//! Norms, scales and other orders of numbers.

use super::writer::{Name, Writer, float, int};
use crate::graph::Size;
use crate::graph::ops::{GroupNorm, LayerNorm, Reread};

pub fn layer_norm(w: &mut Writer, x: &str, weight: &str, bias: &str) -> Name {
    let eps = float("epsilon", LayerNorm::EPS);
    w.op("LayerNormalization", &[x, weight, bias], [int("axis", -1), eps])
}

/// Mean and deviation over the whole map of an image.
pub fn group_norm(w: &mut Writer, x: &str, weight: &str, bias: &str) -> Name {
    let axes = w.list(&[1, 2, 3]);
    let mean = w.op("ReduceMean", &[x, &axes], [int("keepdims", 1)]);
    let centered = w.op("Sub", &[x, &mean], []);
    let squares = w.op("Mul", &[&centered, &centered], []);
    let variance = w.op("ReduceMean", &[&squares, &axes], [int("keepdims", 1)]);
    let eps = w.number(GroupNorm::EPS);
    let variance = w.op("Add", &[&variance, &eps], []);
    let deviation = w.op("Sqrt", &[&variance], []);
    let normal = w.op("Div", &[&centered, &deviation], []);
    let scaled = w.op("Mul", &[&normal, weight], []);
    w.op("Add", &[&scaled, bias], [])
}

/// Written down block by block, taken up in other blocks.
pub fn reread(w: &mut Writer, op: &Reread, size: Size, channels: usize, x: &str) -> Name {
    let (pixels, results) = (size[0] * size[1], op.map[0] * op.map[1]);
    let width = pixels * channels / results;
    let x = w.reshape(x, &[pixels, op.from, channels / op.from]);
    let x = w.transpose(&x, &[0, 2, 1, 3]);
    let x = w.reshape(&x, &[op.to, results, width / op.to]);
    let x = w.transpose(&x, &[0, 2, 1, 3]);
    w.reshape(&x, &[op.map[0], op.map[1], width])
}
