//! A hard dispatch and the linear layer behind it, one after the other; the dispatched map lies in
//! working memory.

use super::Room;
use super::dispatch::Dispatch;
use super::linear::Linear;
use crate::exec::cuda::tape::{Pointer, Precision, Tape};

#[derive(Debug, Clone, Copy)]
pub struct DispatchLinear {
    pub dispatch: Dispatch,
    pub linear: Linear,
}

impl DispatchLinear {
    /// Two maps, and what the layer needs.
    fn room(&self, precision: Precision, scratch: Pointer) -> (Room, [Pointer; 3]) {
        let mut room = Room::new(scratch);
        let bytes = self.linear.0.rows * self.linear.0.input * precision.bytes();
        let parts = [bytes, bytes, self.linear.scratch()].map(|bytes| room.take(bytes));
        (room, parts)
    }

    pub fn scratch(&self, precision: Precision) -> usize {
        self.room(precision, Pointer::NULL).0.used
    }

    /// `chosen` is an assignment's index and scale, `layer` weight and bias as stored for products.
    pub fn forward(
        &self,
        tape: &mut Tape,
        chosen: [Pointer; 2],
        centers: Pointer,
        [weight, bias]: [Pointer; 2],
        y: Pointer,
        scratch: Pointer,
    ) {
        let (_, [map, ..]) = self.room(tape.precision, scratch);
        self.dispatch.hard(tape, chosen, centers, map);
        self.linear.forward(tape, map, weight, bias, y);
    }

    /// From `g` the gradients of scale and centers, and those of weight and bias.
    pub fn backward(
        &self,
        tape: &mut Tape,
        chosen: [Pointer; 2],
        [centers, weight, g]: [Pointer; 3],
        gradients: [Pointer; 2],
        slopes: [Pointer; 2],
        scratch: Pointer,
    ) {
        let (_, [map, gmap, rest]) = self.room(tape.precision, scratch);
        self.dispatch.hard(tape, chosen, centers, map);
        self.linear.backward(tape, [map, weight, g], Some(gmap), slopes, rest, false);
        self.dispatch.hard_backward(tape, chosen, [centers, gmap], gradients);
    }
}
