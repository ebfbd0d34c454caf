//! The perceptron of a block: linear, depth-wise convolution, GELU, linear. The hidden map is four to
//! eight times as wide as the block; it exists for a few images at a time, and backward computes it
//! again.

use super::Room;
use super::depthwise::Depthwise;
use super::elementwise::{gelu, gelu_backward};
use super::maps::Maps;
use super::reduce::{Columns, Sum, behind, fold};
use crate::exec::cuda::product::Dense;
use crate::exec::cuda::tape::{Pointer, Precision, Tape};
use crate::graph::Size;

/// About how many bytes one hidden map takes at a time; two of them forward, three backward. The more,
/// the fewer launches, of which each costs some microseconds; the less, the more of them stays in a
/// data-center GPU's second cache (50 MB).
const HIDDEN: usize = 24 << 20;

#[derive(Debug, Clone, Copy)]
pub struct Ffn {
    /// What it is applied to.
    pub maps: Maps,
    pub hidden: usize,
    pub out: usize,
    /// Of the depth-wise convolution, if there is one.
    pub kernel: Option<Size>,
    /// Images at a time; by itself, as many as the cache holds.
    pub chunk: Option<usize>,
}

/// Parameters, or their gradients, by layer: weight and bias.
#[derive(Debug, Clone, Copy)]
pub struct Layers {
    pub expand: [Pointer; 2],
    pub depthwise: Option<[Pointer; 2]>,
    pub contract: [Pointer; 2],
}

struct Parts {
    hidden: Pointer,
    active: Pointer,
    gradient: Pointer,
    /// Partial sums of all chunks, behind each other, for the gradients of the biases of `expand` and,
    /// if there is one, of the convolution, and for its weights'.
    partial: [Pointer; 3],
    /// Likewise for the weights of `expand` and `contract`.
    weights: [Pointer; 2],
    /// Of all images at once, for the bias of `contract`.
    results: Pointer,
}

/// One run over a few images.
struct Chunk {
    first: usize,
    images: usize,
    /// Rows of partial sums.
    parts: usize,
    expand: Dense,
    contract: Dense,
    depthwise: Option<Depthwise>,
}

impl Ffn {
    fn pixels(&self) -> usize {
        self.maps.size[0] * self.maps.size[1]
    }

    /// Images at a time.
    fn chunk(&self, precision: Precision) -> usize {
        let bytes = self.pixels() * self.hidden * precision.bytes();
        self.chunk.unwrap_or(HIDDEN / bytes).clamp(1, self.maps.images)
    }

    fn convolution(&self, images: usize) -> Option<Depthwise> {
        let maps = Maps { images, size: self.maps.size, channels: self.hidden };
        self.kernel.map(|kernel| Depthwise { maps, kernel })
    }

    fn columns(&self, images: usize, n: usize) -> Columns {
        Columns { rows: images * self.pixels(), n }
    }

    /// The bias of `contract` sees no hidden map: its gradient is summed for all images at once.
    fn results(&self) -> Columns {
        self.columns(self.maps.images, self.out)
    }

    /// Numbers of a row of partial sums.
    fn widths(&self) -> [usize; 3] {
        match self.kernel {
            Some([rows, columns]) => [1, 1, rows * columns].map(|n| n * self.hidden),
            None => [self.hidden, 0, 0],
        }
    }

    fn room(&self, precision: Precision, scratch: Pointer) -> (Room, Parts) {
        let mut room = Room::new(scratch);
        let bytes = self.chunk(precision) * self.pixels() * self.hidden * precision.bytes();
        let rows = self.rows(precision);
        let parts = Parts {
            hidden: room.take(bytes),
            active: room.take(bytes),
            gradient: room.take(bytes),
            partial: self.widths().map(|n| room.floats(rows * n)),
            weights: [0, 1].map(|layer| {
                let rows = self.weight_rows(precision)[layer];
                room.floats(rows * self.weights()[layer])
            }),
            results: room.floats(self.results().parts() * self.out),
        };
        (room, parts)
    }

    /// Numbers of the weights of `expand` and `contract`.
    fn weights(&self) -> [usize; 2] {
        [self.maps.channels, self.out].map(|n| n * self.hidden)
    }

    /// Parts of the gradients of these, of all chunks.
    fn weight_rows(&self, precision: Precision) -> [usize; 2] {
        let add = |[a, b]: [usize; 2], chunk: Chunk| {
            [a + chunk.expand.parts(), b + chunk.contract.parts()]
        };
        self.chunks(precision).fold([0; 2], add)
    }

    /// Rows of partial sums of all chunks.
    fn rows(&self, precision: Precision) -> usize {
        self.chunks(precision).map(|chunk| chunk.parts).sum()
    }

    pub fn scratch(&self, precision: Precision) -> usize {
        self.room(precision, Pointer::NULL).0.used
    }

    fn chunks(&self, precision: Precision) -> impl Iterator<Item = Chunk> + use<> {
        let (ffn, chunk) = (*self, self.chunk(precision));
        let parts = move |images| match ffn.convolution(images) {
            Some(convolution) => convolution.parts(),
            None => ffn.columns(images, ffn.hidden).parts(),
        };
        (0..self.maps.images).step_by(chunk).map(move |first| {
            let images = chunk.min(ffn.maps.images - first);
            let rows = images * ffn.pixels();
            Chunk {
                first,
                images,
                parts: parts(images),
                expand: Dense { rows, input: ffn.maps.channels, output: ffn.hidden },
                contract: Dense { rows, input: ffn.hidden, output: ffn.out },
                depthwise: ffn.convolution(images),
            }
        })
    }

    /// Bytes of one image of the map and of the result.
    fn strides(&self, precision: Precision) -> [usize; 2] {
        [self.maps.channels, self.out].map(|n| self.pixels() * n * precision.bytes())
    }

    /// The products' layers as stored for products, the convolution's in `f32`.
    pub fn forward(
        &self,
        tape: &mut Tape,
        x: Pointer,
        weights: &Layers,
        y: Pointer,
        scratch: Pointer,
    ) {
        let (_, parts) = self.room(tape.precision, scratch);
        let [from, to] = self.strides(tape.precision);
        for chunk in self.chunks(tape.precision) {
            let [weight, bias] = weights.expand;
            chunk.expand.forward(tape, x.plus(chunk.first * from), weight, bias, parts.hidden);
            match (&chunk.depthwise, weights.depthwise) {
                (Some(op), Some([w, b])) => {
                    op.forward_gelu(tape, parts.hidden, w, b, parts.active);
                }
                _ => gelu(tape, parts.hidden, parts.active, self.numbers(&chunk)),
            }
            let [weight, bias] = weights.contract;
            chunk.contract.forward(tape, parts.active, weight, bias, y.plus(chunk.first * to));
        }
    }

    /// Numbers of a chunk's hidden map.
    fn numbers(&self, chunk: &Chunk) -> usize {
        chunk.images * self.pixels() * self.hidden
    }

    /// The gradients of `x` (if wanted) and of all parameters.
    pub fn backward(
        &self,
        tape: &mut Tape,
        [x, g]: [Pointer; 2],
        gx: Option<Pointer>,
        weights: &Layers,
        gradients: &Layers,
        scratch: Pointer,
    ) {
        let (_, parts) = self.room(tape.precision, scratch);
        let Parts { hidden, active, gradient, partial, weights: in_parts, results: sums } = parts;
        let [from, to] = self.strides(tape.precision);
        let widths = self.widths();
        let (weight_rows, numbers) = (self.weight_rows(tape.precision), self.weights());
        let whole = [gradients.expand[0], gradients.contract[0]];
        let weight_sum = |i: usize| {
            let (of, rows, n) = (whole[i], weight_rows[i], numbers[i]);
            Sum::weight(in_parts[i], of, rows, n)
        };
        let [mut expanded, mut contracted] = [0, 1].map(|i| weight_sum(i).partial);
        let mut rows = partial;
        for chunk in self.chunks(tape.precision) {
            let (map, g) = (x.plus(chunk.first * from), g.plus(chunk.first * to));
            let numbers = self.numbers(&chunk);
            let [expand_bias, bias, weight] =
                [0, 1, 2].map(|i| behind(&mut rows[i], chunk.parts * widths[i]));
            chunk.expand.forward(tape, map, weights.expand[0], weights.expand[1], hidden);
            chunk.contract.backward(tape, weights.contract[0], g, gradient, false);
            let convolution = chunk.depthwise.zip(weights.depthwise);
            match convolution {
                Some((op, [w, b])) => op.backward_gelu(tape, [hidden, w, b], gradient, active),
                None => gelu(tape, hidden, active, numbers),
            }
            let part = behind(&mut contracted, chunk.contract.parts() * chunk.contract.weight());
            chunk.contract.partial_weight(tape, active, g, part);
            // From here on `active` is the gradient of the hidden map.
            match convolution {
                Some((op, [w, _])) => {
                    let to = [weight, bias, expand_bias];
                    op.partial_weight(tape, [hidden, w, gradient], to);
                    op.backward(tape, gradient, w, active);
                }
                None => {
                    gelu_backward(tape, hidden, gradient, active, numbers);
                    self.columns(chunk.images, self.hidden).partial(tape, active, expand_bias);
                }
            }
            let part = behind(&mut expanded, chunk.expand.parts() * chunk.expand.weight());
            chunk.expand.partial_weight(tape, map, active, part);
            if let Some(gx) = gx {
                let gx = gx.plus(chunk.first * from);
                chunk.expand.backward(tape, weights.expand[0], active, gx, false);
            }
        }
        let results = self.results();
        results.partial(tape, g, sums);
        let last =
            Sum { partial: sums, sum: gradients.contract[1], rows: results.parts(), n: results.n };
        let [weight, bias] = gradients.depthwise.unwrap_or([Pointer::NULL; 2]);
        let rows = self.rows(tape.precision);
        let sum = |i: usize, sum| Sum { partial: partial[i], sum, rows, n: widths[i] };
        let others = [sum(0, gradients.expand[1]), sum(1, bias), sum(2, weight), last];
        fold(tape, &[&[weight_sum(0), weight_sum(1)], &others[..]].concat());
    }
}
