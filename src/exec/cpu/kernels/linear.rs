//! Linear layer.

use super::product::{
    Add, Biased, Matrix, MatrixMut, Packed, Store, add_column_sums, at_b_scratch, multiply,
    multiply_at_b,
};

/// `y = x · weight + bias` for every row, weight `[input, output]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linear {
    /// Rows of an image.
    pub rows: usize,
    pub input: usize,
    pub output: usize,
}

/// What a linear layer's gradients are added to.
pub struct LinearGradients<'a> {
    pub weight: &'a mut [f32],
    pub bias: &'a mut [f32],
}

impl Linear {
    /// Floats of scratch for `backward`.
    pub fn scratch(&self) -> usize {
        at_b_scratch(self.input, self.output)
    }

    /// `weight` is packed `[input, output]`.
    pub fn forward(&self, images: usize, x: &[f32], weight: Packed, bias: &[f32], y: &mut [f32]) {
        let rows = images * self.rows;
        let (x, y) = (Matrix::new(x, rows, self.input), MatrixMut::new(y, rows, self.output));
        multiply(x, weight, y, Biased(bias, Store));
    }

    /// `dx = dy · weightᵀ`, or that much more if it `adds`; `transposed` is packed `[output, input]`.
    pub fn backward_input(
        &self,
        images: usize,
        dy: &[f32],
        transposed: Packed,
        dx: &mut [f32],
        adds: bool,
    ) {
        let rows = images * self.rows;
        let (dy, dx) = (Matrix::new(dy, rows, self.output), MatrixMut::new(dx, rows, self.input));
        if adds {
            multiply(dy, transposed, dx, Add);
        } else {
            multiply(dy, transposed, dx, Store);
        }
    }

    /// Adds to the gradients of weight and bias.
    pub fn backward_weight(
        &self,
        images: usize,
        x: &[f32],
        dy: &[f32],
        gradients: LinearGradients,
        scratch: &mut [f32],
    ) {
        let rows = images * self.rows;
        let (x, dy) = (Matrix::new(x, rows, self.input), Matrix::new(dy, rows, self.output));
        let weight = MatrixMut::new(gradients.weight, self.input, self.output);
        multiply_at_b(x, dy, weight, scratch);
        add_column_sums(dy, gradients.bias);
    }
}
