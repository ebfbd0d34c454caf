//! AdamW over all parameters as one array, with clipping by the norm of all gradients.

use super::{Room, THREADS, blocks};
use crate::exec::cuda::tape::{Pointer, Source, Tape, Unit, args, source};

pub static SOURCE: Source = source!("adamw");

#[derive(Debug, Clone, Copy)]
pub struct AdamW {
    /// Numbers in all parameters.
    pub n: usize,
    pub beta1: f32,
    pub beta2: f32,
    pub eps: f32,
    /// The largest norm of all gradients together.
    pub clip: Option<f32>,
}

/// Arrays of `n` numbers behind each other, in `f32` where nothing is said.
#[derive(Debug, Clone, Copy)]
pub struct State {
    pub parameters: Pointer,
    pub first: Pointer,
    pub second: Pointer,
    pub gradients: Pointer,
    /// The parameters as stored for products; null if that is `f32` too.
    pub copy: Pointer,
    /// A byte per number: whether it decays.
    pub decays: Pointer,
    /// Three numbers that change from step to step: `lr / (1 - beta1^t)`, `sqrt(1 - beta2^t)` and
    /// `1 - lr weight_decay`.
    pub step: Pointer,
    /// Of every image, and how many there are: if one is not finite, nothing moves.
    pub losses: Pointer,
    pub images: usize,
    /// Two numbers: the norm of all gradients and what they are scaled by; none if nothing moves.
    pub norm: Pointer,
}

impl AdamW {
    fn unit() -> Unit {
        Unit::new(&SOURCE, &[("THREADS", THREADS)])
    }

    fn parts(&self) -> usize {
        blocks(self.n).min(512)
    }

    fn room(&self, scratch: Pointer) -> (Room, Pointer) {
        let mut room = Room::new(scratch);
        let squares = room.floats(self.parts());
        (room, squares)
    }

    pub fn scratch(&self) -> usize {
        self.room(Pointer::NULL).0.used
    }

    pub fn step(&self, tape: &mut Tape, state: &State, scratch: Pointer) {
        let (_, squares) = self.room(scratch);
        let State { parameters, first, second, gradients, copy, decays, step, .. } = *state;
        let State { losses, images, norm, .. } = *state;
        let args = args![gradients, squares, self.n as u64];
        tape.launch(Self::unit(), "squares", [self.parts(), 1], THREADS, args);
        let most = self.clip.unwrap_or(f32::INFINITY);
        let args = args![squares, losses, norm, self.parts(), images, most];
        tape.launch(Self::unit(), "clip", [1, 1], THREADS, args);
        let args = args![
            parameters,
            first,
            second,
            gradients,
            copy,
            decays,
            step,
            norm,
            self.beta1,
            self.beta2,
            self.eps,
            self.n as u64
        ];
        tape.launch(Self::unit(), "adamw", [blocks(self.n), 1], THREADS, args);
    }
}
