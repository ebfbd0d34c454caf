//! The small ops over any number of elements: sums, scaling, GELU, drop path, conversions.

use super::{THREADS, blocks, together};
use crate::exec::cuda::tape::{Pointer, Source, Tape, Unit, args, source};

pub static SOURCE: Source = source!("elementwise");

fn unit(pack: usize) -> Unit {
    Unit::new(&SOURCE, &[("THREADS", THREADS), ("PACK", pack)])
}

fn grid(n: usize, pack: usize) -> [usize; 2] {
    [blocks(n / pack), 1]
}

/// `z = scale (x + y)`.
pub fn add(tape: &mut Tape, x: Pointer, y: Pointer, z: Pointer, scale: f32, n: usize) {
    let pack = together(n, tape.precision);
    tape.launch(unit(pack), "add", grid(n, pack), THREADS, args![x, y, z, scale, n as u64]);
}

/// `y = scale x`.
pub fn scaled(tape: &mut Tape, x: Pointer, y: Pointer, scale: f32, n: usize) {
    let pack = together(n, tape.precision);
    tape.launch(unit(pack), "scaled", grid(n, pack), THREADS, args![x, y, scale, n as u64]);
}

/// `y = gelu(x)`.
pub fn gelu(tape: &mut Tape, x: Pointer, y: Pointer, n: usize) {
    let pack = together(n, tape.precision);
    tape.launch(unit(pack), "gelu_forward", grid(n, pack), THREADS, args![x, y, n as u64]);
}

/// `gx = g gelu'(x)`.
pub fn gelu_backward(tape: &mut Tape, x: Pointer, g: Pointer, gx: Pointer, n: usize) {
    let pack = together(n, tape.precision);
    tape.launch(unit(pack), "gelu_backward", grid(n, pack), THREADS, args![x, g, gx, n as u64]);
}

/// `y = y + bias`, rows of `columns`; where a product does not add its bias itself.
pub fn bias(tape: &mut Tape, bias: Pointer, y: Pointer, rows: usize, columns: usize) {
    let n = rows * columns;
    tape.launch(unit(1), "add_bias", grid(n, 1), THREADS, args![bias, y, columns, n as u64]);
}

/// `f32` to how maps are stored.
pub fn narrow(tape: &mut Tape, x: Pointer, y: Pointer, n: usize) {
    tape.launch(unit(1), "narrow", grid(n, 1), THREADS, args![x, y, n as u64]);
}

/// How maps are stored to `f32`.
pub fn widen(tape: &mut Tape, x: Pointer, y: Pointer, n: usize) {
    tape.launch(unit(1), "widen", grid(n, 1), THREADS, args![x, y, n as u64]);
}

/// Stochastic depth over images of `size` numbers: every image is scaled by a factor of its own,
/// `f32` numbers in the device's memory that the host draws for a step.
#[derive(Debug, Clone, Copy)]
pub struct DropPath {
    pub images: usize,
    /// Numbers of an image.
    pub size: usize,
}

impl DropPath {
    fn grid(&self, pack: usize) -> [usize; 2] {
        [blocks(self.size / pack), self.images]
    }

    /// `y = x + factor branch`.
    pub fn residual(
        &self,
        tape: &mut Tape,
        [x, branch]: [Pointer; 2],
        factors: Pointer,
        y: Pointer,
    ) {
        let pack = together(self.size, tape.precision);
        let args = args![x, branch, factors, y, self.size as u64];
        tape.launch(unit(pack), "residual_forward", self.grid(pack), THREADS, args);
    }

    /// `y = factor x`: the op by itself, and the gradient of a branch.
    pub fn forward(&self, tape: &mut Tape, x: Pointer, factors: Pointer, y: Pointer) {
        let pack = together(self.size, tape.precision);
        let args = args![x, factors, y, self.size as u64];
        tape.launch(unit(pack), "drop_path", self.grid(pack), THREADS, args);
    }
}
