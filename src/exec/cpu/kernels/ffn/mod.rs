//! Linear, depth-wise convolution, GELU, linear, as one kernel over chunks of hidden channels.
//!
//! The convolution keeps hidden channels apart, so a chunk of them goes all the way through before
//! the next one starts, and only a chunk of the hidden map of a few images ever exists; of a large map
//! only a band of rows, with the rows that the convolution reaches above and below. The backward pass
//! computes it again, or reads it where the forward pass was given room to keep it: chunk after chunk
//! for every few images, so that both have to be run over the same number of them.

mod backward;
mod window;

pub use backward::{FfnBackward, FfnGradients};
use window::Window;

use super::depthwise::{Part, Taps};
use super::product::{
    Add, Biased, Gelu, Matrix, MatrixMut, PANEL, Packed, Store, at_b_scratch, multiply,
};
use crate::exec::floats::{LINE, whole_lines};

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
    /// Rows at once, all of them if there is more than one image.
    pub band: usize,
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
const HIDDEN: usize = 32 * 1024;
/// Pixels that make a gradient of weights worth reading and writing.
const PIXELS: usize = 256;
/// Hidden channels beyond which a longer chunk gains nothing: of whole maps, and of bands.
const WIDEST: usize = 256;
const WIDEST_OF_BANDS: usize = 128;

impl Ffn {
    /// With the chunk, the group and the band that suit the sizes.
    pub fn tiled(
        [height, width]: [usize; 2],
        [input, hidden, output]: [usize; 3],
        kernel: Option<[usize; 2]>,
    ) -> Ffn {
        let pixels = (height * width).max(1);
        let group = PIXELS.div_ceil(pixels);
        let panels =
            |pixels: usize, widest: usize| (HIDDEN / pixels.max(1)).clamp(PANEL, widest) / PANEL;
        // A whole map if a chunk of it has more than a panel; otherwise an even number of rows, and
        // as many as the kernel is high.
        let (mut band, mut chunk) = (height, panels(pixels * group, WIDEST) * PANEL);
        let least = PIXELS.div_ceil(width.max(1)).max(kernel.map_or(0, |[kh, _]| kh));
        let least = least.next_multiple_of(2);
        if chunk == PANEL && least < height {
            chunk = panels(least * width, WIDEST_OF_BANDS) * PANEL;
            band = (HIDDEN / (width * chunk) / 2 * 2).clamp(least, height);
        }
        // Chunks and bands of like length.
        let chunk = part(hidden, chunk).next_multiple_of(PANEL).max(PANEL);
        let band = part(height, band).next_multiple_of(2);
        Ffn { height, width, input, hidden, output, kernel, chunk, group, band }
    }

    /// Floats of scratch for a forward pass over at most `images` images.
    pub fn scratch(&self, images: usize) -> usize {
        2 * self.chunk_map(images)
    }

    /// The same for the gradients.
    pub fn backward_scratch(&self, images: usize) -> usize {
        // The last chunk is narrower, and may be taken to another product that wants more.
        let copies = self.chunks().map(|(_, width)| {
            at_b_scratch(self.input, width).max(at_b_scratch(width, self.output))
        });
        3 * self.chunk_map(images) + copies.max().unwrap_or(0)
    }

    /// Floats of a chunk of a group's hidden map, or of a band of it with what the convolution
    /// reaches, in whole cache lines.
    fn chunk_map(&self, images: usize) -> usize {
        let rows = (self.band + 2 * self.reach()).min(self.height);
        whole_lines(images.min(self.group) * rows * self.width * stride(self.chunk))
    }

    /// Rows above and below a pixel that the convolution sees.
    fn reach(&self) -> usize {
        self.kernel.map_or(0, |[height, _]| height / 2)
    }

    /// The first row of every band and the one behind its last.
    fn bands(&self) -> impl Iterator<Item = [usize; 2]> {
        let Ffn { height, band, .. } = *self;
        (0..height).step_by(band.max(1)).map(move |top| [top, (top + band).min(height)])
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

    /// Whether what is kept has room for all chunks of every image.
    fn check_kept(&self, images: usize, kept: Option<&[f32]>) {
        let Some(kept) = kept else { return };
        let row: usize = self.chunks().map(|(_, width)| stride(width)).sum();
        assert!(kept.len().is_multiple_of(images));
        assert!(kept.len() / images >= self.height * self.width * row);
    }

    /// Where the hidden map of a few images begins, from a channel on, in what is kept: `room`
    /// numbers of every image.
    fn place(&self, (first, count): (usize, usize), from: usize, room: usize) -> usize {
        let before = from / self.chunk * stride(self.chunk);
        first * room + count * self.height * self.width * before
    }

    /// The convolution of a chunk, and its taps and bias.
    fn convolution<'a>(
        &self,
        weights: &FfnWeights<'a>,
        (first, channels): (usize, usize),
    ) -> Option<(Part, Taps<'a>, &'a [f32])> {
        let (kernel, [weight, bias]) = (self.kernel?, weights.depthwise?);
        let part = Part::whole([self.height, self.width], channels, kernel);
        let part = part.strided(stride(channels));
        Some((part, Taps { weight, first, of: self.hidden }, &bias[first..]))
    }

    /// `kept` takes the hidden map before the convolution, if there is one.
    pub fn forward(
        &self,
        images: usize,
        x: &[f32],
        weights: FfnWeights,
        y: &mut [f32],
        mut kept: Option<&mut [f32]>,
        scratch: &mut [f32],
    ) {
        let pixels = self.height * self.width;
        self.check_kept(images, kept.as_deref());
        let (hidden, values) = scratch.split_at_mut(self.chunk_map(images));
        for (first, count) in self.groups(images) {
            // A row of all images of the group: if there are several, all rows are at hand.
            let line = count * self.width;
            let x = Matrix::new(&x[first * pixels * self.input..], count * pixels, self.input);
            let y = &mut y[first * pixels * self.output..];
            for (from, width) in self.chunks() {
                let expand = weights.expand.columns(from, width);
                let bias = &weights.expand_bias[from..];
                let row = line * stride(width);
                let mut hidden = match &mut kept {
                    Some(kept) => {
                        let place = self.place((first, count), from, kept.len() / images);
                        Window::whole(&mut kept[place..], row)
                    }
                    None => Window::new(hidden, row),
                };
                for [top, bottom] in self.bands() {
                    let rows = (bottom - top) * line;
                    if let Some((part, taps, taps_bias)) = self.convolution(&weights, (from, width))
                    {
                        self.expand(&mut hidden, [top, bottom], x, expand, bias);
                        let part = part.band([top, bottom], hidden.first());
                        part.forward(count, hidden.rows(), taps, taps_bias, values, Gelu);
                    } else {
                        let to = chunk_mut(values, rows, width);
                        multiply(x.rows(top * line, rows), expand, to, Biased(bias, Gelu));
                    }
                    let values = chunk(values, rows, width);
                    let contract = weights.contract.rows(from, width);
                    let y = &mut y[top * line * self.output..];
                    let to = MatrixMut::new(y, rows, self.output);
                    if from == 0 {
                        multiply(values, contract, to, Biased(weights.contract_bias, Store));
                    } else {
                        multiply(values, contract, to, Add);
                    }
                }
            }
        }
    }

    /// The hidden map before the convolution, as far as that sees it from the rows `top..bottom`.
    fn expand(
        &self,
        hidden: &mut Window,
        [top, bottom]: [usize; 2],
        x: Matrix,
        weight: Packed,
        bias: &[f32],
    ) {
        let line = x.rows / self.height;
        let (from, end) = (hidden.end(), (bottom + self.reach()).min(self.height));
        hidden.forget(top.saturating_sub(self.reach()));
        let rows = (end - from) * line;
        let to = chunk_mut(hidden.extend(end), rows, weight.n);
        multiply(x.rows(from * line, rows), weight, to, Biased(bias, Store));
    }
}

/// The length of parts of like length, none longer than `longest`.
fn part(whole: usize, longest: usize) -> usize {
    whole.div_ceil(whole.div_ceil(longest.max(1)).max(1))
}

/// The way from pixel to pixel in a chunk of `channels`: a cache line longer where pixels a power of
/// two apart would push each other out of the cache.
fn stride(channels: usize) -> usize {
    if channels.is_multiple_of(4 * LINE) { channels + LINE } else { channels }
}

/// A chunk of the hidden map.
fn chunk(data: &[f32], pixels: usize, channels: usize) -> Matrix<'_> {
    Matrix::strided(data, pixels, channels, stride(channels))
}

fn chunk_mut(data: &mut [f32], pixels: usize, channels: usize) -> MatrixMut<'_> {
    MatrixMut::strided(data, pixels, channels, stride(channels))
}
