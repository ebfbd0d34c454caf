//! A linear layer: three products, and column sums for the bias.

use super::reduce::Columns;
use crate::exec::cuda::product::Dense;
use crate::exec::cuda::tape::{Pointer, Tape};

#[derive(Debug, Clone, Copy)]
pub struct Linear(pub Dense);

impl Linear {
    fn columns(&self) -> Columns {
        Columns { rows: self.0.rows, n: self.0.output }
    }

    pub fn scratch(&self) -> usize {
        self.columns().scratch()
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
        if let Some(gx) = gx {
            self.0.backward(tape, weight, g, gx, adds);
        }
        self.0.backward_weight(tape, x, g, gweight, false);
        self.columns().sum(tape, g, gbias, scratch);
    }
}
