//! Dense strided convolution: patches as rows, then products, over a few images at a time so that
//! the patches stay small.

use super::maps::Maps;
use super::reduce::{Columns, Sum, behind, fold};
use super::{Room, THREADS, blocks, together};
use crate::exec::cuda::product::Dense;
use crate::exec::cuda::tape::{Pointer, Precision, Source, Tape, Unit, args, source};
use crate::graph::Size;

pub static SOURCE: Source = source!("conv");

/// About how many bytes the patches take at a time: what a data-center GPU's cache holds.
const PATCHES: usize = 16 << 20;

#[derive(Debug, Clone, Copy)]
pub struct Conv {
    pub maps: Maps,
    /// Behind the channels of a pixel it reads two more, its row and its column, which lie in no map.
    pub coords: bool,
    pub out: usize,
    pub kernel: Size,
    pub stride: usize,
    pub pad: usize,
}

impl Conv {
    fn result(&self) -> Size {
        [0, 1]
            .map(|axis| (self.maps.size[axis] + 2 * self.pad - self.kernel[axis]) / self.stride + 1)
    }

    /// Channels it reads of every pixel.
    fn channels(&self) -> usize {
        self.maps.channels + if self.coords { 2 } else { 0 }
    }

    /// Neighbors a thread has: of the stored channels, if there are no others.
    fn wide(&self, precision: Precision) -> usize {
        if self.coords { 1 } else { together(self.maps.channels, precision) }
    }

    fn unit(&self, precision: Precision) -> Unit {
        let ([h, w], [kh, kw], [oh, ow]) = (self.maps.size, self.kernel, self.result());
        let constants = [
            ("THREADS", THREADS),
            ("H", h),
            ("W", w),
            ("C", self.channels()),
            ("STORED", self.maps.channels),
            ("KH", kh),
            ("KW", kw),
            ("OH", oh),
            ("OW", ow),
            ("STRIDE", self.stride),
            ("PAD", self.pad),
            ("WIDE", self.wide(precision)),
        ];
        Unit::new(&SOURCE, &constants)
    }

    /// Numbers of one patch, and result pixels of one image.
    fn patch(&self) -> (usize, usize) {
        let [oh, ow] = self.result();
        (self.kernel[0] * self.kernel[1] * self.channels(), oh * ow)
    }

    /// Images at a time.
    fn chunk(&self, precision: Precision) -> usize {
        let (numbers, pixels) = self.patch();
        (PATCHES / (numbers * pixels * precision.bytes())).clamp(1, self.maps.images)
    }

    fn columns(&self) -> Columns {
        Columns { rows: self.maps.images * self.patch().1, n: self.out }
    }

    /// Patches, and parts of the gradients of weight and bias.
    fn room(&self, precision: Precision, scratch: Pointer) -> (Room, [Pointer; 3]) {
        let mut room = Room::new(scratch);
        let (numbers, pixels) = self.patch();
        let patches = room.take(self.chunk(precision) * numbers * pixels * precision.bytes());
        let weights = room.floats(self.parts(precision) * numbers * self.out);
        let biases = room.floats(self.columns().parts() * self.out);
        (room, [patches, weights, biases])
    }

    /// Parts of the gradient of the weight, of all chunks.
    fn parts(&self, precision: Precision) -> usize {
        let mut parts = 0;
        self.chunks(precision, |_, _, dense| parts += dense.parts());
        parts
    }

    pub fn scratch(&self, precision: Precision) -> usize {
        self.room(precision, Pointer::NULL).0.used
    }

    /// Calls `work(first image, images, product over them)`.
    fn chunks(&self, precision: Precision, mut work: impl FnMut(usize, usize, Dense)) {
        let (numbers, pixels) = self.patch();
        let chunk = self.chunk(precision);
        for first in (0..self.maps.images).step_by(chunk) {
            let images = chunk.min(self.maps.images - first);
            work(first, images, Dense { rows: images * pixels, input: numbers, output: self.out });
        }
    }

    fn unfold(&self, tape: &mut Tape, x: Pointer, patches: Pointer, images: usize) {
        let (numbers, pixels) = self.patch();
        let grid = [blocks(pixels * numbers / self.wide(tape.precision)), images];
        tape.launch(self.unit(tape.precision), "unfold", grid, THREADS, args![x, patches]);
    }

    /// Bytes of one image of the map and of the result.
    fn strides(&self, precision: Precision) -> [usize; 2] {
        let [h, w] = self.maps.size;
        [h * w * self.maps.channels, self.patch().1 * self.out].map(|n| n * precision.bytes())
    }

    /// `weight [kernel, in, out]` and `bias` as stored for products.
    pub fn forward(
        &self,
        tape: &mut Tape,
        [x, weight, bias]: [Pointer; 3],
        y: Pointer,
        scratch: Pointer,
    ) {
        let (_, [patches, ..]) = self.room(tape.precision, scratch);
        let [map, result] = self.strides(tape.precision);
        self.chunks(tape.precision, |first, images, dense| {
            self.unfold(tape, x.plus(first * map), patches, images);
            dense.forward(tape, patches, weight, bias, y.plus(first * result));
        });
    }

    /// The gradients of `x` (if wanted), weight and bias.
    pub fn backward(
        &self,
        tape: &mut Tape,
        [x, weight, g]: [Pointer; 3],
        gx: Option<Pointer>,
        [gweight, gbias]: [Pointer; 2],
        scratch: Pointer,
    ) {
        let (_, [patches, weights, biases]) = self.room(tape.precision, scratch);
        let [map, result] = self.strides(tape.precision);
        let numbers = self.patch().0 * self.out;
        let sum = Sum::weight(weights, gweight, self.parts(tape.precision), numbers);
        let mut part = sum.partial;
        self.chunks(tape.precision, |first, images, dense| {
            let g = g.plus(first * result);
            self.unfold(tape, x.plus(first * map), patches, images);
            let part = behind(&mut part, dense.parts() * numbers);
            dense.partial_weight(tape, patches, g, part);
            if let Some(gx) = gx {
                dense.backward(tape, weight, g, patches, false);
                let [h, w] = self.maps.size;
                let wide = self.wide(tape.precision);
                let grid = [blocks(h * w * self.maps.channels / wide), images];
                let args = args![patches, gx.plus(first * map)];
                tape.launch(self.unit(tape.precision), "gather", grid, THREADS, args);
            }
        });
        let columns = self.columns();
        columns.partial(tape, g, biases);
        let bias = Sum { partial: biases, sum: gbias, rows: columns.parts(), n: self.out };
        fold(tape, &[sum, bias]);
    }
}
