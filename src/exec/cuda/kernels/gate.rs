//! The gate that weighs a refined center against the pooled one: a perceptron per head.

use super::Room;
use super::reduce::{Sum, fold};
use crate::exec::cuda::tape::{Pointer, Source, Tape, Unit, args, source};

pub static SOURCE: Source = source!("gate");

const THREADS: usize = 128;
/// Floats of the rows a block may hold, 44 KiB in bytes over four.
const SHARED: usize = 11 << 10;

#[derive(Debug, Clone, Copy)]
pub struct Gate {
    /// Centers of all images.
    pub rows: usize,
    pub heads: usize,
    /// Width of a head.
    pub width: usize,
    pub hidden: usize,
}

impl Gate {
    /// Rows worked out at a time.
    fn tile(&self) -> usize {
        (SHARED / (3 * self.width + 2 * self.hidden + 5)).clamp(1, 64)
    }

    fn parts(&self) -> usize {
        self.rows.div_ceil(self.tile()).min(128)
    }

    fn unit(&self) -> Unit {
        let constants = [
            ("THREADS", THREADS),
            ("HEADS", self.heads),
            ("D", self.width),
            ("HIDDEN", self.hidden),
            ("ROWS", self.tile()),
        ];
        Unit::new(&SOURCE, &constants)
    }

    /// Numbers of the four parameters.
    fn sizes(&self) -> [usize; 4] {
        [2 * self.width * self.hidden, self.hidden, self.hidden, 1].map(|n| n * self.heads)
    }

    fn room(&self, scratch: Pointer) -> (Room, [Pointer; 4]) {
        let mut room = Room::new(scratch);
        let partials = self.sizes().map(|n| room.floats(self.parts() * n));
        (room, partials)
    }

    pub fn scratch(&self) -> usize {
        self.room(Pointer::NULL).0.used
    }

    /// `soft`, `local`, `out [rows, heads, width]`; the parameters in graph order.
    pub fn forward(
        &self,
        tape: &mut Tape,
        [soft, local]: [Pointer; 2],
        [w1, b1, w2, b2]: [Pointer; 4],
        out: Pointer,
    ) {
        let args = args![soft, local, w1, b1, w2, b2, out, self.rows];
        let grid = [self.rows.div_ceil(self.tile()), self.heads];
        tape.launch(self.unit(), "gate_forward", grid, THREADS, args);
    }

    /// From `g` the gradients of both inputs and of the parameters.
    pub fn backward(
        &self,
        tape: &mut Tape,
        [soft, local, g]: [Pointer; 3],
        [w1, b1, w2, b2]: [Pointer; 4],
        [gsoft, glocal]: [Pointer; 2],
        gradients: [Pointer; 4],
        scratch: Pointer,
    ) {
        let (_, partials) = self.room(scratch);
        let [p1, p2, p3, p4] = partials;
        let args = args![soft, local, w1, b1, w2, b2, g, gsoft, glocal, p1, p2, p3, p4, self.rows];
        tape.launch(self.unit(), "gate_backward", [self.parts(), self.heads], THREADS, args);
        let (rows, sizes) = (self.parts(), self.sizes());
        let sum = |i: usize| Sum { partial: partials[i], sum: gradients[i], rows, n: sizes[i] };
        fold(tape, &[0, 1, 2, 3].map(sum));
    }
}
