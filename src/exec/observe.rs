//! What can be seen of a model while it runs on one batch, whichever executor runs it.

use super::Parameters;
use crate::graph::Size;
use crate::graph::ops::Windows;

/// A value under the name of a module of the published code.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// `[B, …, C]`, channels last.
    Tensor { shape: Vec<usize>, data: Vec<f32> },
    /// A center for every pixel (and head): `[B, heads, N]`, of a `grid` over a `map`; of a soft
    /// assignment the center that has most of the pixel.
    Index { index: Vec<u32>, images: usize, map: Size, grid: Size, windows: Windows },
}

/// One batch in evaluation mode, forward and backward.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Several values may have one name.
    pub taps: Vec<(String, Seen)>,
    /// `[B, classes]`
    pub logits: Vec<f32>,
    /// Mean cross entropy, and its gradients; nothing where there are no labels.
    pub training: Option<(f64, Parameters)>,
}
