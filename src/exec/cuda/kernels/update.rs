//! The optimizer's step over all parameters as one array, with clipping by the norm of all gradients.

use super::{Room, THREADS, blocks};
use crate::exec::cuda::tape::{Pointer, Source, Tape, Unit, args, source};
use crate::graph::ops::{self, Rule};

pub static SOURCE: Source = source!("update");

/// Numbers that change from step to step: see [`Move::words`](crate::exec::Move::words).
pub const WORDS: usize = 5;
/// Which of them is what the loss is multiplied by.
pub const SCALE: usize = 4;

#[derive(Debug, Clone, Copy)]
pub struct Update {
    /// Numbers in all parameters.
    pub n: usize,
    pub of: ops::Update,
}

/// Arrays of `n` numbers behind each other, in `f32` where nothing is said.
#[derive(Debug, Clone)]
pub struct State {
    pub parameters: Pointer,
    /// As [`Rule::kept`] names them.
    pub kept: Vec<Pointer>,
    /// The running mean of the parameters; null if there is none.
    pub average: Pointer,
    pub gradients: Pointer,
    /// The parameters as stored for products; null if that is `f32` too.
    pub copy: Pointer,
    /// A byte per number: whether it decays.
    pub decays: Pointer,
    /// [`WORDS`] numbers.
    pub step: Pointer,
    /// Of every image, and how many there are (they may be none): if one is not finite, nothing moves.
    pub losses: Pointer,
    pub images: usize,
    /// Two numbers: the norm of all gradients of the loss itself, and what they are scaled by to be
    /// those and no longer than allowed; none if nothing moves.
    pub norm: Pointer,
}

/// Adds the gradients `[n]` of a part of a batch to the sum of those before it.
pub fn add_part(tape: &mut Tape, gradients: Pointer, sum: Pointer, first: bool, n: usize) {
    let args = args![gradients, sum, first, n as u64];
    tape.launch(Update::unit(), "add_part", [blocks(n), 1], THREADS, args);
}

impl Update {
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
        let &State { parameters, gradients, copy, decays, step, losses, images, norm, .. } = state;
        let n = self.n as u64;
        let args = args![gradients, squares, n];
        tape.launch(Self::unit(), "squares", [self.parts(), 1], THREADS, args);
        let most = self.of.clip.map_or(f32::INFINITY, |norm| norm as f32);
        let args = args![squares, losses, step, norm, self.parts(), images, most];
        tape.launch(Self::unit(), "clip", [1, 1], THREADS, args);
        let kept = |i: usize| state.kept.get(i).copied().unwrap_or(Pointer::NULL);
        let (p, g) = (parameters, gradients);
        let grid = [blocks(self.n), 1];
        match self.of.rule {
            Rule::AdamW { beta1, beta2, eps, .. } => {
                let settings = [1.0 - beta1, beta2, 1.0 - beta2, eps];
                let [first, left, second, eps] = settings.map(|x| x as f32);
                let (m, v) = (kept(0), kept(1));
                let args = args![p, m, v, g, copy, decays, step, norm, first, left, second, eps, n];
                tape.launch(Self::unit(), "adamw", grid, THREADS, args);
            }
            Rule::Sgd { momentum, nesterov, .. } => {
                let (sum, momentum) = (kept(0), momentum as f32);
                let args = args![p, sum, g, copy, decays, step, norm, momentum, nesterov, n];
                tape.launch(Self::unit(), "sgd", grid, THREADS, args);
            }
        }
        if state.average != Pointer::NULL {
            let args = args![p, state.average, step, norm, n];
            tape.launch(Self::unit(), "average", grid, THREADS, args);
        }
    }
}
