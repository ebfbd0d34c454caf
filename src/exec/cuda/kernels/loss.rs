//! Cross entropy of logits and labels.

use super::THREADS;
use crate::exec::cuda::tape::{Pointer, Source, Tape, Unit, args, source};

pub static SOURCE: Source = source!("loss");

#[derive(Debug, Clone, Copy)]
pub struct CrossEntropy {
    pub images: usize,
    pub classes: usize,
}

impl CrossEntropy {
    fn run(&self, tape: &mut Tape, entry: &'static str, [logits, labels, to]: [Pointer; 3]) {
        let grid = [self.images.div_ceil(THREADS / 32), 1];
        let args = args![logits, labels, to, self.images, self.classes];
        tape.launch(Unit::new(&SOURCE, &[("THREADS", THREADS)]), entry, grid, THREADS, args);
    }

    /// `logits [images, classes]`, `labels [images]` (`u32`, each below `classes`); `loss [images]`
    /// in `f32`.
    pub fn forward(&self, tape: &mut Tape, logits: Pointer, labels: Pointer, loss: Pointer) {
        self.run(tape, "cross_entropy_forward", [logits, labels, loss]);
    }

    /// The gradient of the mean loss.
    pub fn backward(&self, tape: &mut Tape, logits: Pointer, labels: Pointer, g: Pointer) {
        self.run(tape, "cross_entropy_backward", [logits, labels, g]);
    }
}
