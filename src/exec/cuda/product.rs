//! Matrix products as they stand on a tape: row-major, the result with its bias in one go.

use super::tape::{Pointer, Tape};

/// A matrix and whether it is read turned over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operand {
    pub at: Pointer,
    pub turned: bool,
}

impl Operand {
    /// Stored `[rows, columns]` as it is used.
    pub fn plain(at: Pointer) -> Operand {
        Operand { at, turned: false }
    }

    /// Stored `[columns, rows]`.
    pub fn turned(at: Pointer) -> Operand {
        Operand { at, turned: true }
    }
}

/// `d [m, n] = a [m, k] · b [k, n] + bias [n]`, added to what is there if `accumulate`. Operands are
/// stored as the tape's precision says, and so is the result unless `wide`, when it is in `f32` (the
/// gradient of a parameter).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub a: Operand,
    pub b: Operand,
    pub d: Pointer,
    pub bias: Option<Pointer>,
    pub wide: bool,
    pub accumulate: bool,
}

/// A linear layer over `rows` rows, `[rows, input] -> [rows, output]`, weight `[input, output]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dense {
    pub rows: usize,
    pub input: usize,
    pub output: usize,
}

impl Dense {
    /// `y = x · weight + bias`; weight and bias as stored for products.
    pub fn forward(&self, tape: &mut Tape, x: Pointer, weight: Pointer, bias: Pointer, y: Pointer) {
        let Dense { rows: m, input: k, output: n } = *self;
        let (a, b) = (Operand::plain(x), Operand::plain(weight));
        let bias = Some(bias);
        tape.product(Product { m, n, k, a, b, d: y, bias, wide: false, accumulate: false });
    }

    /// `gx = g · weightᵀ`, or that much more of it.
    pub fn backward(
        &self,
        tape: &mut Tape,
        weight: Pointer,
        g: Pointer,
        gx: Pointer,
        accumulate: bool,
    ) {
        let Dense { rows: m, input: n, output: k } = *self;
        let (a, b) = (Operand::plain(g), Operand::turned(weight));
        tape.product(Product { m, n, k, a, b, d: gx, bias: None, wide: false, accumulate });
    }

    /// `gweight = xᵀ · g` in `f32`, or that much more of it.
    pub fn backward_weight(
        &self,
        tape: &mut Tape,
        x: Pointer,
        g: Pointer,
        gweight: Pointer,
        accumulate: bool,
    ) {
        let Dense { rows: k, input: m, output: n } = *self;
        let (a, b) = (Operand::turned(x), Operand::plain(g));
        tape.product(Product { m, n, k, a, b, d: gweight, bias: None, wide: true, accumulate });
    }
}
