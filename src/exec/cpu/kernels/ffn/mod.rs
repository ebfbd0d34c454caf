//! Linear, depth-wise convolution, GELU, linear, as one kernel over chunks of hidden channels.
//!
//! The convolution keeps hidden channels apart, so a chunk of them goes all the way through before
//! the next one starts, and only a chunk of the hidden map of a few images ever exists. The backward
//! pass computes it again.

mod backward;

pub use backward::{FfnBackward, FfnGradients};

use super::depthwise::{Part, Taps};
use super::product::{
    Add, Bias, BiasGelu, Matrix, MatrixMut, OnlyGelu, PANEL, Packed, at_b_scratch, multiply,
};

/// `[H, W, input] -> [H, W, output]` over a hidden map `[H, W, hidden]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ffn {
    pub height: usize,
    pub width: usize,
    pub input: usize,
    pub hidden: usize,
    pub output: usize,
    /// Of the depth-wise convolution, odd on both sides.
    pub kernel: Option<[usize; 2]>,
    /// Hidden channels at once, whole panels of packed weights.
    pub chunk: usize,
    /// Images at once.
    pub group: usize,
}

/// Weights of an [`Ffn`].
#[derive(Clone, Copy)]
pub struct FfnWeights<'a> {
    /// `[input, hidden]`
    pub expand: Packed<'a>,
    pub expand_bias: &'a [f32],
    /// Taps `[kh, kw, hidden]` and bias of the convolution.
    pub depthwise: Option<[&'a [f32]; 2]>,
    /// `[hidden, output]`
    pub contract: Packed<'a>,
    pub contract_bias: &'a [f32],
}

/// Floats of a chunk's hidden map that leave room in the second cache for what else is in use.
const HIDDEN: usize = 64 * 1024;
/// Rows that make a gradient of weights worth reading and writing.
const ROWS: usize = 256;
/// Hidden channels beyond which a longer chunk gains nothing.
const WIDEST: usize = 256;

impl Ffn {
    /// With the chunk and the group that suit the sizes.
    pub fn tiled(
        [height, width]: [usize; 2],
        [input, hidden, output]: [usize; 3],
        kernel: Option<[usize; 2]>,
    ) -> Ffn {
        let pixels = (height * width).max(1);
        let group = ROWS.div_ceil(pixels);
        let chunk = (HIDDEN / (pixels * group) / PANEL).clamp(1, WIDEST / PANEL) * PANEL;
        // Chunks of like length.
        let chunks = hidden.div_ceil(chunk).max(1);
        let chunk = hidden.div_ceil(chunks).next_multiple_of(PANEL).max(PANEL);
        Ffn { height, width, input, hidden, output, kernel, chunk, group }
    }

    /// Floats of scratch for either pass over `images` images.
    pub fn scratch(&self, images: usize) -> usize {
        let expand = at_b_scratch(self.input, self.chunk);
        let contract = at_b_scratch(self.chunk, self.output);
        3 * self.chunk_map(images) + expand.max(contract)
    }

    /// Floats of a chunk of a group's hidden map, in whole cache lines.
    fn chunk_map(&self, images: usize) -> usize {
        (images.min(self.group) * self.height * self.width * self.chunk).next_multiple_of(16)
    }

    /// The first image of every group and how many there are; groups are of like size, as a last one
    /// of a single small image would be slow.
    fn groups(&self, images: usize) -> impl Iterator<Item = (usize, usize)> {
        let size = images.div_ceil(images.div_ceil(self.group).max(1)).max(1);
        (0..images).step_by(size).map(move |first| (first, size.min(images - first)))
    }

    /// The first channel of every chunk and how many there are.
    fn chunks(&self) -> impl Iterator<Item = (usize, usize)> {
        let Ffn { hidden, chunk, .. } = *self;
        (0..hidden).step_by(chunk).map(move |first| (first, chunk.min(hidden - first)))
    }

    /// The convolution of a chunk, and its taps and bias.
    fn convolution<'a>(
        &self,
        weights: &FfnWeights<'a>,
        (first, channels): (usize, usize),
    ) -> Option<(Part, Taps<'a>, &'a [f32])> {
        let (kernel, [weight, bias]) = (self.kernel?, weights.depthwise?);
        let part = Part { height: self.height, width: self.width, channels, kernel };
        Some((part, Taps { weight, first, of: self.hidden }, &bias[first..]))
    }

    pub fn forward(
        &self,
        images: usize,
        x: &[f32],
        weights: FfnWeights,
        y: &mut [f32],
        scratch: &mut [f32],
    ) {
        let pixels = self.height * self.width;
        let (hidden, values) = scratch.split_at_mut(self.chunk_map(images));
        for (first, count) in self.groups(images) {
            let rows = count * pixels;
            let x = Matrix::new(&x[first * pixels * self.input..], rows, self.input);
            let y = &mut y[first * pixels * self.output..];
            for (from, width) in self.chunks() {
                let expand = weights.expand.columns(from, width);
                let bias = &weights.expand_bias[from..];
                if let Some((part, taps, taps_bias)) = self.convolution(&weights, (from, width)) {
                    multiply(x, expand, MatrixMut::new(hidden, rows, width), Bias(bias));
                    part.forward(count, hidden, taps, taps_bias, values, OnlyGelu);
                } else {
                    multiply(x, expand, MatrixMut::new(values, rows, width), BiasGelu(bias));
                }
                let values = Matrix::new(values, rows, width);
                let contract = weights.contract.rows(from, width);
                let to = MatrixMut::new(y, rows, self.output);
                if from == 0 {
                    multiply(values, contract, to, Bias(weights.contract_bias));
                } else {
                    multiply(values, contract, to, Add);
                }
            }
        }
    }
}
