//! Layer scale: a factor per channel.

use super::reduce::{Sum, fold};
use super::{Room, THREADS, blocks};
use crate::exec::cuda::tape::{Pointer, Source, Tape, Unit, args, source};

pub static SOURCE: Source = source!("scale");

/// Pixels of a partial sum.
const ROWS: usize = 256;

#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Of all images.
    pub pixels: usize,
    pub channels: usize,
}

impl Scale {
    fn unit(&self) -> Unit {
        Unit::new(&SOURCE, &[("THREADS", THREADS), ("C", self.channels), ("ROWS", ROWS)])
    }

    fn parts(&self) -> usize {
        self.pixels.div_ceil(ROWS)
    }

    fn room(&self, scratch: Pointer) -> (Room, Pointer) {
        let mut room = Room::new(scratch);
        let partial = room.floats(self.parts() * self.channels);
        (room, partial)
    }

    pub fn scratch(&self) -> usize {
        self.room(Pointer::NULL).0.used
    }

    /// `x`, `y [pixels, channels]`, `weight [channels]`.
    pub fn forward(&self, tape: &mut Tape, x: Pointer, weight: Pointer, y: Pointer) {
        let args = args![x, weight, y, self.pixels as u64];
        let grid = [blocks(self.pixels * self.channels), 1];
        tape.launch(self.unit(), "scale_forward", grid, THREADS, args);
    }

    /// From `g` the gradients of `x`, if it is wanted, and of `weight`.
    pub fn backward(
        &self,
        tape: &mut Tape,
        [x, weight, g]: [Pointer; 3],
        gx: Option<Pointer>,
        gweight: Pointer,
        scratch: Pointer,
    ) {
        let (_, partial) = self.room(scratch);
        if let Some(gx) = gx {
            self.forward(tape, g, weight, gx);
        }
        let grid = [self.parts(), self.channels.div_ceil(THREADS)];
        let args = args![x, g, partial, self.pixels as u64];
        tape.launch(self.unit(), "scale_weight", grid, THREADS, args);
        fold(tape, &[Sum { partial, sum: gweight, rows: self.parts(), n: self.channels }]);
    }
}
