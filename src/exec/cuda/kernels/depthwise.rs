//! Depth-wise convolution, stride 1, zeros outside the map; with the GELU that follows it, for the
//! perceptron of a block.

use super::maps::Maps;
use super::reduce::{Sum, fold};
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
        let constants = [
            ("THREADS", THREADS),
            ("H", h),
            ("W", w),
            ("C", self.maps.channels),
            ("KH", kh),
            ("KW", kw),
            ("VEC", self.together()),
            ("FEW", self.few()),
        ];
        Unit::new(&SOURCE, &constants)
    }

    /// Channels a thread has: more than one only if the lines under the kernel stay in registers.
    fn together(&self) -> usize {
        if self.maps.channels.is_multiple_of(4) && self.taps() <= 9 { 4 } else { self.few() }
    }

    /// Channels of a thread that sums over pixels, once for every tap.
    fn few(&self) -> usize {
        if self.maps.channels.is_multiple_of(2) && self.taps() <= 9 { 2 } else { 1 }
    }

    fn grid(&self) -> [usize; 2] {
        let Maps { images, size: [h, w], channels } = self.maps;
        [blocks(images * h * w.div_ceil(RUN) * (channels / self.together())), 1]
    }

    fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Blocks along the channels.
    fn groups(&self) -> usize {
        self.maps.channels.div_ceil(32 * self.few())
    }

    /// Parts the gradients of the parameters are summed in: a warp has a row, or more where the machine
    /// has enough warps.
    pub fn parts(&self) -> usize {
        let rows = self.maps.images * self.maps.size[0];
        rows.div_ceil(8).min(1024usize.div_ceil(self.groups()))
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

    /// The gradients of weight and bias.
    pub fn backward_weight(
        &self,
        tape: &mut Tape,
        [x, weight, g]: [Pointer; 3],
        [gweight, gbias]: [Pointer; 2],
        scratch: Pointer,
    ) {
        let (_, [weights, biases]) = self.room(scratch);
        self.partial_weight(tape, [x, weight, g], [weights, biases, Pointer::NULL]);
        let (rows, c) = (self.parts(), self.maps.channels);
        let sums = [
            Sum { partial: weights, sum: gweight, rows, n: self.taps() * c },
            Sum { partial: biases, sum: gbias, rows, n: c },
        ];
        fold(tape, &sums);
    }

    /// Partial sums of them, `parts` of each, and of the gradient of the map by channel, which is
    /// that of a bias before it (null if not wanted).
    pub fn partial_weight(
        &self,
        tape: &mut Tape,
        [x, weight, g]: [Pointer; 3],
        [weights, biases, gx]: [Pointer; 3],
    ) {
        let args = args![x, g, weight, weights, biases, gx, self.maps.images];
        let grid = [self.groups(), self.parts()];
        tape.launch(self.unit(), "depthwise_backward_weight", grid, THREADS, args);
    }
}
