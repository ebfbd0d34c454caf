//! Depth-wise convolution, stride 1, zeros outside the map; with the GELU that follows it, for the
//! perceptron of a block.

use super::maps::Maps;
use super::reduce::fold;
use super::{Room, THREADS, blocks};
use crate::exec::cuda::tape::{Pointer, Source, Tape, Unit, args, source};
use crate::graph::Size;

pub static SOURCE: Source = source!("depthwise");

/// Neighbors a thread makes; the kernel's RUN.
const RUN: usize = 4;

#[derive(Debug, Clone, Copy)]
pub struct Depthwise {
    pub maps: Maps,
    pub kernel: Size,
}

impl Depthwise {
    fn unit(&self) -> Unit {
        let ([h, w], [kh, kw]) = (self.maps.size, self.kernel);
        let c = self.maps.channels;
        let constants =
            [("THREADS", THREADS), ("H", h), ("W", w), ("C", c), ("KH", kh), ("KW", kw)];
        Unit::new(&SOURCE, &constants)
    }

    fn grid(&self) -> [usize; 2] {
        let Maps { images, size: [h, w], channels } = self.maps;
        [blocks(images * h * w.div_ceil(RUN) * channels), 1]
    }

    fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Parts the gradient of the weight is summed in.
    fn parts(&self) -> usize {
        (self.maps.images * self.maps.size[0]).div_ceil(32).min(256)
    }

    fn room(&self, scratch: Pointer) -> (Room, [Pointer; 2]) {
        let mut room = Room::new(scratch);
        let c = self.maps.channels;
        let partials = [self.taps() * c, c].map(|n| room.floats(self.parts() * n));
        (room, partials)
    }

    pub fn scratch(&self) -> usize {
        self.room(Pointer::NULL).0.used
    }

    /// `weight [rows, columns, channels]`, `bias [channels]`.
    pub fn forward(&self, tape: &mut Tape, x: Pointer, weight: Pointer, bias: Pointer, y: Pointer) {
        let args = args![x, weight, bias, y, self.maps.images];
        tape.launch(self.unit(), "depthwise_forward", self.grid(), THREADS, args);
    }

    /// `y = gelu(conv(x))`.
    pub fn forward_gelu(
        &self,
        tape: &mut Tape,
        x: Pointer,
        weight: Pointer,
        bias: Pointer,
        y: Pointer,
    ) {
        let args = args![x, weight, bias, y, self.maps.images];
        tape.launch(self.unit(), "depthwise_gelu_forward", self.grid(), THREADS, args);
    }

    /// Makes of `g`, the gradient of `gelu(conv(x))`, that of `conv(x)`, and `y` once more.
    pub fn backward_gelu(
        &self,
        tape: &mut Tape,
        [x, weight, bias]: [Pointer; 3],
        g: Pointer,
        y: Pointer,
    ) {
        let args = args![x, weight, bias, g, y, self.maps.images];
        tape.launch(self.unit(), "depthwise_gelu_backward", self.grid(), THREADS, args);
    }

    /// The gradient of the map.
    pub fn backward(&self, tape: &mut Tape, g: Pointer, weight: Pointer, gx: Pointer) {
        let args = args![g, weight, gx, self.maps.images];
        tape.launch(self.unit(), "depthwise_backward", self.grid(), THREADS, args);
    }

    /// The gradients of weight and bias, or with `add` that much more of them.
    pub fn backward_weight(
        &self,
        tape: &mut Tape,
        [x, g]: [Pointer; 2],
        [gweight, gbias]: [Pointer; 2],
        add: bool,
        scratch: Pointer,
    ) {
        let (_, [weights, biases]) = self.room(scratch);
        let (c, parts) = (self.maps.channels, self.parts());
        let args = args![x, g, weights, biases, self.maps.images];
        let grid = [c.div_ceil(32), parts];
        tape.launch(self.unit(), "depthwise_backward_weight", grid, THREADS, args);
        fold(tape, weights, gweight, [parts, self.taps() * c], add);
        fold(tape, biases, gbias, [parts, c], add);
    }
}
