//! Matrix products as they stand on a tape: row-major, the result with its bias in one go.

use super::tape::{Pointer, Precision, Tape};

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
/// gradient of a parameter). Where `k` is cut into `parts`, which divide it, `d [parts, m, n]` are the
/// products of each; `a` is turned then, and `b` is not, so that their parts lie one behind the other.
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
    pub parts: usize,
}

impl Product {
    /// Nothing but the product.
    pub fn plain([m, n, k]: [usize; 3], a: Operand, b: Operand, d: Pointer) -> Product {
        Product { m, n, k, a, b, d, bias: None, wide: false, accumulate: false, parts: 1 }
    }

    pub fn macs(&self) -> u64 {
        (self.m * self.n * self.k) as u64
    }

    /// Read and written, where operands are stored in `precision`.
    pub fn bytes(&self, precision: Precision) -> u64 {
        let Product { m, n, k, .. } = *self;
        let result = if self.wide { Precision::F32 } else { precision };
        let times = self.parts * (1 + usize::from(self.accumulate));
        ((m * k + k * n) * precision.bytes() + times * m * n * result.bytes()) as u64
    }
}

/// Its size, `m x n x k`, how its operands lie (`n` as they are used, `t` turned), in how many parts, and
/// whether it is added.
impl std::fmt::Display for Product {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b] = [self.a, self.b].map(|operand| if operand.turned { 't' } else { 'n' });
        write!(f, "product {a}{b} {}x{}x{}", self.m, self.n, self.k)?;
        if self.parts > 1 {
            write!(f, " in {}", self.parts)?;
        }
        if self.accumulate { write!(f, ", added") } else { Ok(()) }
    }
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
        let Dense { rows, input, output } = *self;
        let (a, b, bias) = (Operand::plain(x), Operand::plain(weight), Some(bias));
        tape.product(Product { bias, ..Product::plain([rows, output, input], a, b, y) });
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
        let Dense { rows, input, output } = *self;
        let (a, b) = (Operand::plain(g), Operand::turned(weight));
        tape.product(Product { accumulate, ..Product::plain([rows, input, output], a, b, gx) });
    }

    /// Numbers of the weight.
    pub fn weight(&self) -> usize {
        self.input * self.output
    }

    /// Parts that the gradient of the weight is summed in: as many as keep a large GPU busy, each over
    /// at least `LEAST` rows. The sum over all pixels of a batch for a few tiles of results is long;
    /// this way it does not depend on a library to cut it.
    pub fn parts(&self) -> usize {
        let tiles = self.input.div_ceil(TILE) * self.output.div_ceil(TILE);
        let most = BLOCKS.div_ceil(tiles).min(self.rows / LEAST).max(1);
        let divides = |by: usize| (1..=most).rev().find(|p| self.rows.is_multiple_of(p * by));
        // Parts that begin at 16 bytes, if there are such.
        divides(8).or_else(|| divides(1)).unwrap_or(1)
    }

    /// `xᵀ · g` in `f32`, in its parts `[parts, input, output]`.
    pub fn partial_weight(&self, tape: &mut Tape, x: Pointer, g: Pointer, partial: Pointer) {
        let Dense { rows, input, output } = *self;
        let (a, b, parts) = (Operand::turned(x), Operand::plain(g), self.parts());
        let plain = Product::plain([input, output, rows], a, b, partial);
        tape.product(Product { wide: true, parts, ..plain });
    }
}

/// Rows and columns of a tile of results that a block has, about.
const TILE: usize = 64;
/// Blocks that fill a data-center GPU twice.
const BLOCKS: usize = 264;
/// Rows of a part.
const LEAST: usize = 1024;
