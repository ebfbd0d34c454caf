//! Dense strided convolution with zero padding: patches of the map become rows, a few at a time, and
//! the rows go through a matrix product.

use super::elementwise::place;
use super::product::{
    Biased, Matrix, MatrixMut, Packed, Store, add_column_sums, at_b_scratch, multiply,
    multiply_at_b,
};
use super::simd::{dispatch, prefetch};
use crate::exec::floats::whole_lines;
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// `[H, W, input] -> [H', W', output]`, `H' = floor((H + 2 pad - kernel) / stride) + 1`. The weight
/// `[kh, kw, channels, output]` is packed as `[kh kw channels, output]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv {
    pub height: usize,
    pub width: usize,
    pub input: usize,
    /// Behind the channels of a pixel it reads two more, its row and its column, which lie in no map.
    pub coords: bool,
    pub output: usize,
    pub kernel: [usize; 2],
    pub stride: usize,
    pub pad: usize,
}

/// What a convolution's gradients are added to.
pub struct ConvGradients<'a> {
    pub weight: &'a mut [f32],
    pub bias: &'a mut [f32],
}

/// Floats of patches at once.
const PATCHES: usize = 96 * 1024;
/// Rows of a tile of the product.
const TILE: usize = 8;

impl Conv {
    /// Height and width of the result.
    pub fn out(&self) -> [usize; 2] {
        let out = |n: usize, k: usize| (n + 2 * self.pad - k) / self.stride + 1;
        [out(self.height, self.kernel[0]), out(self.width, self.kernel[1])]
    }

    /// Channels it reads of every pixel.
    fn channels(&self) -> usize {
        self.input + if self.coords { 2 } else { 0 }
    }

    /// Numbers of a patch.
    fn depth(&self) -> usize {
        self.kernel[0] * self.kernel[1] * self.channels()
    }

    /// Pixels of all results, and how many of them are taken at once, at most.
    fn pixels(&self, images: usize) -> [usize; 2] {
        let [oh, ow] = self.out();
        let all = images * oh * ow;
        [all, (PATCHES / self.depth().max(1)).max(32).min(all)]
    }

    /// Floats of scratch for a forward pass, or the gradient of the input, over at most `images`
    /// images.
    pub fn scratch(&self, images: usize) -> usize {
        self.patches(images)
    }

    /// The same for any of the passes.
    pub fn backward_scratch(&self, images: usize) -> usize {
        self.patches(images) + at_b_scratch(self.depth(), self.output)
    }

    /// Floats of a block of patches, in whole cache lines: fewer images never take more.
    fn patches(&self, images: usize) -> usize {
        let [_, most] = self.pixels(images);
        whole_lines(most.next_multiple_of(TILE) * self.depth())
    }

    /// Blocks of the result's pixels, over all images: of like length, and whole tiles of the
    /// product.
    fn blocks(&self, images: usize) -> impl Iterator<Item = Range<usize>> {
        let [all, most] = self.pixels(images);
        let block = all.div_ceil(all.div_ceil(most.max(1)).max(1)).next_multiple_of(TILE);
        (0..all).step_by(block.max(TILE)).map(move |start| start..all.min(start + block))
    }

    pub fn forward(
        &self,
        images: usize,
        x: &[f32],
        weight: Packed,
        bias: &[f32],
        y: &mut [f32],
        scratch: &mut [f32],
    ) {
        for block in self.blocks(images) {
            self.unfold(x, block.clone(), scratch);
            let patches = Matrix::new(scratch, block.len(), self.depth());
            let y = &mut y[block.start * self.output..];
            multiply(
                patches,
                weight,
                MatrixMut::new(y, block.len(), self.output),
                Biased(bias, Store),
            );
        }
    }

    /// `dx` from `dy`; `transposed` is packed `[output, kh kw channels]`.
    pub fn backward_input(
        &self,
        images: usize,
        dy: &[f32],
        transposed: Packed,
        dx: &mut [f32],
        scratch: &mut [f32],
    ) {
        dx[..images * self.height * self.width * self.input].fill(0.0);
        for block in self.blocks(images) {
            let dy = Matrix::new(&dy[block.start * self.output..], block.len(), self.output);
            multiply(dy, transposed, MatrixMut::new(scratch, block.len(), self.depth()), Store);
            dispatch(Fold { conv: self, patches: scratch, block, dx });
        }
    }

    /// Adds to the gradients of weight and bias.
    pub fn backward_weight(
        &self,
        images: usize,
        x: &[f32],
        dy: &[f32],
        gradients: ConvGradients,
        scratch: &mut [f32],
    ) {
        let (patches, copies) = scratch.split_at_mut(self.patches(images));
        for block in self.blocks(images) {
            self.unfold(x, block.clone(), patches);
            let patches = Matrix::new(patches, block.len(), self.depth());
            let dy = Matrix::new(&dy[block.start * self.output..], block.len(), self.output);
            let weight = MatrixMut::new(gradients.weight, self.depth(), self.output);
            multiply_at_b(patches, dy, weight, copies);
            add_column_sums(dy, gradients.bias);
        }
    }

    /// The patches under some pixels of the result.
    fn unfold(&self, x: &[f32], block: Range<usize>, patches: &mut [f32]) {
        let (map, patch) = (self.input, self.channels());
        let places = |n: usize| (0..n).map(|i| place(i, n)).collect::<Vec<f32>>();
        let places = self.coords.then(|| [places(self.height), places(self.width)]);
        self.runs(block, |at, run| {
            let to = &mut patches[at..at + self.kernel[1] * patch];
            let Some(Run { skip, pixels, first, place: [row, column] }) = run else {
                return to.fill(0.0);
            };
            let (before, to) = to.split_at_mut(skip * patch);
            let (to, after) = to.split_at_mut(pixels * patch);
            before.fill(0.0);
            after.fill(0.0);
            let from = &x[first * map..(first + pixels) * map];
            // On its way before the patches below are taken.
            let below = first + self.stride * self.width;
            prefetch(x.as_ptr().wrapping_add(below * map));
            let Some([rows, columns]) = &places else { return to.copy_from_slice(from) };
            placed(to, from, rows[row], &columns[column..column + pixels]);
        });
    }

    /// Calls `visit` with every row of every patch: its offset among the patches of the block, and
    /// what of it lies in the map.
    #[inline(always)]
    fn runs(&self, block: Range<usize>, mut visit: impl FnMut(usize, Option<Run>)) {
        let ([oh, ow], [kh, kw]) = (self.out(), self.kernel);
        let (height, width, channels) = (self.height, self.width, self.channels());
        let mut patch = 0;
        for pixel in block {
            let (image, y, x) = (pixel / (oh * ow), pixel / ow % oh, pixel % ow);
            // The part of a kernel's row inside the map.
            let left = x * self.stride;
            let start = self.pad.saturating_sub(left).min(kw);
            let end = (width + self.pad).saturating_sub(left).min(kw).max(start);
            for ky in 0..kh {
                let from = (y * self.stride + ky).wrapping_sub(self.pad);
                let run = (from < height && start < end).then(|| Run {
                    skip: start,
                    pixels: end - start,
                    first: (image * height + from) * width + left + start - self.pad,
                    place: [from, left + start - self.pad],
                });
                visit(patch, run);
                patch += kw * channels;
            }
        }
    }
}

/// A row of a patch inside the map: this many pixels from `first` on, after `skip` outside.
struct Run {
    skip: usize,
    pixels: usize,
    /// Counted through all maps.
    first: usize,
    /// Row and column of that one.
    place: [usize; 2],
}

/// The channels of every pixel of a row, then its place.
fn placed(to: &mut [f32], from: &[f32], row: f32, columns: &[f32]) {
    let channels = from.len() / columns.len().max(1);
    if channels == 3 {
        // An image's, which are too few for the call that copies any number.
        let pixels = to.as_chunks_mut().0.iter_mut().zip(from.as_chunks().0);
        for ((to, &[a, b, c]), &column) in pixels.zip(columns) {
            *to = [a, b, c, row, column];
        }
        return;
    }
    let pixels = to.chunks_exact_mut(channels + 2).zip(from.chunks_exact(channels));
    for ((to, from), &column) in pixels.zip(columns) {
        to[..channels].copy_from_slice(from);
        to[channels..].copy_from_slice(&[row, column]);
    }
}

/// Adds patches to the places they come from.
struct Fold<'a> {
    conv: &'a Conv,
    patches: &'a [f32],
    block: Range<usize>,
    dx: &'a mut [f32],
}

impl WithSimd for Fold<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Fold { conv, patches, block, dx } = self;
        let (map, patch) = (conv.input, conv.channels());
        conv.runs(
            block,
            #[inline(always)]
            |at, run| {
                let Some(Run { skip, pixels, first, .. }) = run else { return };
                let to = &mut dx[first * map..(first + pixels) * map];
                let from = &patches[at + skip * patch..][..pixels * patch];
                // Coordinates have no gradient; without them a row is one run of numbers.
                let (map, patch) = if conv.coords { (map, patch) } else { (to.len(), from.len()) };
                for (to, from) in to.chunks_exact_mut(map).zip(from.chunks_exact(patch)) {
                    for (to, from) in to.iter_mut().zip(from) {
                        *to += from;
                    }
                }
            },
        );
    }
}
