//! A linear layer: three products, and sums in parts for weight and bias.

use super::Room;
use super::reduce::{Columns, Sum, fold};
use crate::exec::cuda::product::Dense;
use crate::exec::cuda::tape::{Pointer, Tape};

#[derive(Debug, Clone, Copy)]
pub struct Linear(pub Dense);

impl Linear {
    fn columns(&self) -> Columns {
        Columns { rows: self.0.rows, n: self.0.output }
    }

    /// Parts of the gradients of weight and bias.
    fn room(&self, scratch: Pointer) -> (Room, [Pointer; 2]) {
        let mut room = Room::new(scratch);
        let (dense, columns) = (self.0, self.columns());
        let parts = [dense.parts() * dense.weight(), columns.parts() * columns.n];
        let parts = parts.map(|count| room.floats(count));
        (room, parts)
    }

    pub fn scratch(&self) -> usize {
        self.room(Pointer::NULL).0.used
    }

    /// Weight and bias as stored for products.
    pub fn forward(&self, tape: &mut Tape, x: Pointer, weight: Pointer, bias: Pointer, y: Pointer) {
        self.0.forward(tape, x, weight, bias, y);
    }

    /// The gradients of `x` (if wanted; one that is there already it `adds` to), weight and bias.
    pub fn backward(
        &self,
        tape: &mut Tape,
        [x, weight, g]: [Pointer; 3],
        gx: Option<Pointer>,
        [gweight, gbias]: [Pointer; 2],
        scratch: Pointer,
        adds: bool,
    ) {
        let (_, [weights, biases]) = self.room(scratch);
        let (dense, columns) = (self.0, self.columns());
        if let Some(gx) = gx {
            dense.backward(tape, weight, g, gx, adds);
        }
        let sum = Sum::weight(weights, gweight, dense.parts(), dense.weight());
        dense.partial_weight(tape, x, g, sum.partial);
        columns.partial(tape, g, biases);
        let bias = Sum { partial: biases, sum: gbias, rows: columns.parts(), n: columns.n };
        fold(tape, &[sum, bias]);
    }
}
