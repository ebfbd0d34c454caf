//! The gradients of an [`Ffn`].

use super::{Ffn, FfnWeights};
use crate::exec::cpu::kernels::depthwise::TapsMut;
use crate::exec::cpu::kernels::product::{
    Add, Bias, BiasGeluSlope, GeluSlope, Matrix, MatrixMut, Packed, Store, Times, add_column_sums,
    multiply, multiply_at_b,
};

/// Weights for the backward pass: as they are, and the transposes of the products.
#[derive(Clone, Copy)]
pub struct FfnBackward<'a> {
    pub forward: FfnWeights<'a>,
    /// `[hidden, input]`
    pub expand: Packed<'a>,
    /// `[output, hidden]`
    pub contract: Packed<'a>,
}

/// What the gradients are added to, in the plain layout.
pub struct FfnGradients<'a> {
    pub expand: &'a mut [f32],
    pub expand_bias: &'a mut [f32],
    pub depthwise: Option<[&'a mut [f32]; 2]>,
    pub contract: &'a mut [f32],
    pub contract_bias: &'a mut [f32],
}

impl Ffn {
    /// `dx` from `dy`, unless it is empty; gradients of weights are added.
    #[allow(clippy::too_many_arguments)]
    pub fn backward(
        &self,
        images: usize,
        x: &[f32],
        dy: &[f32],
        weights: FfnBackward,
        dx: &mut [f32],
        mut gradients: FfnGradients,
        scratch: &mut [f32],
    ) {
        let (pixels, map) = (self.height * self.width, self.chunk_map(images));
        let (hidden, rest) = scratch.split_at_mut(map);
        let (values, rest) = rest.split_at_mut(map);
        let (slopes, copies) = rest.split_at_mut(map);
        let mut buffers = Buffers { hidden, values, slopes, copies };
        for (first, count) in self.groups(images) {
            let rows = count * pixels;
            let x = Matrix::new(&x[first * pixels * self.input..], rows, self.input);
            let dy = Matrix::new(&dy[first * pixels * self.output..], rows, self.output);
            let dx =
                if dx.is_empty() { None } else { Some(&mut dx[first * pixels * self.input..]) };
            add_column_sums(dy, gradients.contract_bias);
            let mut group = Group { ffn: self, weights: &weights, count, x, dy, dx };
            for (from, width) in self.chunks() {
                group.chunk(from, width, &mut gradients, &mut buffers);
            }
        }
    }
}

/// Three maps of a chunk, and room for copies of what a product reads.
struct Buffers<'a> {
    hidden: &'a mut [f32],
    values: &'a mut [f32],
    slopes: &'a mut [f32],
    copies: &'a mut [f32],
}

/// A few images.
struct Group<'a> {
    ffn: &'a Ffn,
    weights: &'a FfnBackward<'a>,
    count: usize,
    x: Matrix<'a>,
    dy: Matrix<'a>,
    dx: Option<&'a mut [f32]>,
}

impl Group<'_> {
    /// Hidden channels `from..from + width`.
    fn chunk(
        &mut self,
        from: usize,
        width: usize,
        gradients: &mut FfnGradients,
        buffers: &mut Buffers,
    ) {
        let Buffers { hidden, values, slopes, copies } = buffers;
        let (ffn, count, x, dy, rows) = (self.ffn, self.count, self.x, self.dy, self.x.rows);
        let forward = &self.weights.forward;
        let convolution = ffn.convolution(forward, (from, width));

        // The hidden map again, after GELU, with GELU's slope.
        let expand = forward.expand.columns(from, width);
        let bias = &forward.expand_bias[from..];
        let slope = MatrixMut::new(slopes, rows, width);
        if let Some((part, taps, taps_bias)) = convolution {
            multiply(x, expand, MatrixMut::new(hidden, rows, width), Bias(bias));
            part.forward(count, hidden, taps, taps_bias, values, GeluSlope(slope));
        } else {
            let to = MatrixMut::new(values, rows, width);
            multiply(x, expand, to, BiasGeluSlope(bias, slope));
        }

        // Through the last layer and GELU: `values` becomes the gradient before GELU.
        let part = &mut gradients.contract[from * ffn.output..];
        let to = MatrixMut::new(part, width, ffn.output);
        multiply_at_b(Matrix::new(values, rows, width), dy, to, copies);
        let slope = Times(Matrix::new(slopes, rows, width));
        let back = self.weights.contract.columns(from, width);
        multiply(dy, back, MatrixMut::new(values, rows, width), slope);

        // Through the convolution: `slopes` becomes the gradient of the hidden map.
        let mut gradient: &[f32] = values;
        if let (Some((part, taps, _)), Some([weight, bias])) =
            (convolution, &mut gradients.depthwise)
        {
            let weight = TapsMut { weight, first: from, of: ffn.hidden };
            part.backward_weight(count, hidden, values, weight, &mut bias[from..]);
            part.backward_input(count, values, taps, slopes);
            gradient = slopes;
        }

        // Through the first layer.
        let gradient = Matrix::new(gradient, rows, width);
        add_column_sums(gradient, &mut gradients.expand_bias[from..from + width]);
        let to = MatrixMut::new(gradients.expand, ffn.input, ffn.hidden).columns(from, width);
        multiply_at_b(x, gradient, to, copies);
        let Some(dx) = &mut self.dx else { return };
        let back = self.weights.expand.rows(from, width);
        let to = MatrixMut::new(dx, rows, ffn.input);
        if from == 0 {
            multiply(gradient, back, to, Store);
        } else {
            multiply(gradient, back, to, Add);
        }
    }
}
