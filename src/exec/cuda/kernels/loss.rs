//! Cross entropy of logits and what the images show.

use super::THREADS;
use crate::exec::cuda::tape::{Pointer, Source, Tape, Unit, args, source};

pub static SOURCE: Source = source!("loss");

#[derive(Debug, Clone, Copy)]
pub struct CrossEntropy {
    pub images: usize,
    pub classes: usize,
    pub smoothing: f32,
}

/// What every one of the images shows.
#[derive(Debug, Clone, Copy)]
pub struct Targets {
    /// `u32`, each below the number of classes.
    pub labels: Pointer,
    /// Of the smaller parts of images that are mixed: `u32`, and how much of the image they are, `f32`;
    /// both null if none is.
    pub others: Pointer,
    pub shares: Pointer,
}

impl CrossEntropy {
    fn unit() -> Unit {
        Unit::new(&SOURCE, &[("THREADS", THREADS)])
    }

    fn grid(&self) -> [usize; 2] {
        [self.images.div_ceil(THREADS / 32), 1]
    }

    /// `logits [images, classes]`; `loss [images]` in `f32`.
    pub fn forward(&self, tape: &mut Tape, logits: Pointer, targets: Targets, loss: Pointer) {
        let Targets { labels, others, shares } = targets;
        let CrossEntropy { images, classes, smoothing } = *self;
        let args = args![logits, labels, others, shares, loss, smoothing, images, classes];
        tape.launch(Self::unit(), "cross_entropy_forward", self.grid(), THREADS, args);
    }

    /// The gradient of the mean loss over `batch` images, of which these are some or all.
    pub fn backward(
        &self,
        tape: &mut Tape,
        logits: Pointer,
        targets: Targets,
        g: Pointer,
        batch: usize,
    ) {
        self.backward_scaled(tape, logits, targets, Pointer::NULL, g, batch);
    }

    /// The same of the loss times the number that lies at `scale`, if that is not null.
    pub fn backward_scaled(
        &self,
        tape: &mut Tape,
        logits: Pointer,
        targets: Targets,
        scale: Pointer,
        g: Pointer,
        batch: usize,
    ) {
        let Targets { labels, others, shares } = targets;
        let CrossEntropy { images, classes, smoothing } = *self;
        let args =
            args![logits, labels, others, shares, scale, g, smoothing, images, classes, batch];
        tape.launch(Self::unit(), "cross_entropy_backward", self.grid(), THREADS, args);
    }
}
