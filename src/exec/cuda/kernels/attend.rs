//! Every center gathers from all pixels, flash style: no matrix of centers by pixels anywhere.

use super::Room;
use super::reduce::{Sum, fold};
use crate::exec::cuda::tape::{Arg, Pointer, Source, Tape, Unit, args, source};

pub static SOURCE: Source = source!("attend");

/// Pixels a block of the backward pass over pixels has at most.
const PIXELS: usize = 128;
/// About how many threads walk the pixels for the centers of a block.
const WALKERS: usize = 256;
/// Floats of keys, values and sums a block may hold: 44 KiB, in bytes over four.
const SHARED: usize = 11 << 10;

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Score {
    /// Cosine over a temperature; the logarithm of its floor.
    Cosine { floor: f32 },
    /// Dot product over the square root of the head width.
    Dot,
}

#[derive(Debug, Clone, Copy)]
pub struct Attend {
    pub images: usize,
    pub centers: usize,
    pub pixels: usize,
    pub heads: usize,
    /// Width of a head.
    pub width: usize,
    pub score: Score,
}

/// What both passes read.
#[derive(Debug, Clone, Copy)]
pub struct Operands {
    pub centers: Pointer,
    pub keys: Pointer,
    pub values: Pointer,
    /// One number; null for dot products.
    pub temperature: Pointer,
}

impl Attend {
    /// Centers of a block, and among how many threads the pixels of one are split: each has eight, as
    /// what they have is put together one after the other.
    fn split(&self) -> (usize, usize) {
        let queries = self.centers.min(64).min(SHARED / 2 / (self.width + 2)).max(1);
        (queries, (WALKERS / queries).min(self.pixels / 8).clamp(1, 16))
    }

    /// Pixels in shared memory at a time.
    fn tile(&self) -> usize {
        let rest = SHARED - self.split().0 * (self.width + 2);
        (rest / (2 * self.row() + 1)).min(64).min(self.pixels)
    }

    /// Floats from one row in shared memory to the next.
    fn row(&self) -> usize {
        self.width + if self.width.is_multiple_of(4) { 4 } else { 1 }
    }

    /// Centers in shared memory at a time, in the backward pass over pixels.
    fn group(&self) -> usize {
        (SHARED / (2 * self.row() + 2)).clamp(1, 32)
    }

    /// Pixels a block of the backward pass over pixels has.
    fn block(&self) -> usize {
        self.pixels.next_multiple_of(32).min(PIXELS)
    }

    fn threads(&self) -> usize {
        let (queries, splits) = self.split();
        (queries * splits).next_multiple_of(32)
    }

    fn unit(&self) -> Unit {
        let (queries, splits) = self.split();
        let constants = [
            ("THREADS", self.threads()),
            ("PIXELS", self.block()),
            ("M", self.centers),
            ("N", self.pixels),
            ("HEADS", self.heads),
            ("D", self.width),
            ("COSINE", usize::from(self.score != Score::Dot)),
            ("QUERIES", queries),
            ("SPLITS", splits),
            ("TILE", self.tile()),
            ("GROUP", self.group()),
        ];
        Unit::new(&SOURCE, &constants)
    }

    fn grid(&self) -> [usize; 2] {
        [self.images * self.heads, self.centers.div_ceil(self.split().0)]
    }

    fn floor(&self) -> f32 {
        match self.score {
            Score::Cosine { floor } => floor,
            Score::Dot => 0.0,
        }
    }

    fn room(&self, scratch: Pointer) -> (Room, Pointer) {
        let mut room = Room::new(scratch);
        let partial = room.floats(self.grid()[0] * self.grid()[1]);
        (room, partial)
    }

    pub fn scratch(&self) -> usize {
        self.room(Pointer::NULL).0.used
    }

    fn args(&self, o: &Operands) -> Vec<Arg> {
        args![o.centers, o.keys, o.values, o.temperature, self.floor()].to_vec()
    }

    /// `out [images, centers, heads, width]`, and `saved [images, heads, centers]` in `f32`: the
    /// logarithms of the normalizers, which `backward` reads.
    pub fn forward(&self, tape: &mut Tape, operands: &Operands, [out, saved]: [Pointer; 2]) {
        let mut list = self.args(operands);
        list.extend(args![out, saved]);
        tape.launch(self.unit(), "attend_forward", self.grid(), self.threads(), &list);
    }

    /// From `g`, the gradient of `out`, those of the operands.
    pub fn backward(
        &self,
        tape: &mut Tape,
        operands: &Operands,
        [out, saved, g]: [Pointer; 3],
        gradients: &Operands,
        scratch: Pointer,
    ) {
        let (_, partial) = self.room(scratch);
        let mut list = self.args(operands);
        list.extend(args![out, saved, g]);
        let pixels = [self.images * self.heads, self.pixels.div_ceil(self.block())];
        let to = args![gradients.keys, gradients.values];
        tape.launch(
            self.unit(),
            "attend_backward_pixels",
            pixels,
            self.block(),
            &[&list, to as &[_]].concat(),
        );
        let to = args![gradients.centers, partial];
        let list = [&list, to as &[_]].concat();
        tape.launch(self.unit(), "attend_backward_centers", self.grid(), self.threads(), &list);
        if self.score != Score::Dot {
            let rows = self.grid()[0] * self.grid()[1];
            fold(tape, &[Sum { partial, sum: gradients.temperature, rows, n: 1 }]);
        }
    }
}
