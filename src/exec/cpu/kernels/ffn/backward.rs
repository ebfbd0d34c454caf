//! The gradients of an [`Ffn`].

use super::window::Window;
use super::{Ffn, FfnWeights, chunk, chunk_mut, stride};
use crate::exec::cpu::kernels::depthwise::TapsMut;
use crate::exec::cpu::kernels::product::{
    Add, Biased, GeluSlope, Matrix, MatrixMut, Packed, Store, Times, add_column_sums, multiply,
    multiply_at_b,
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
    /// `dx` from `dy`, unless it is empty; gradients of weights are added. `kept` is what the forward
    /// pass over the same images left, if it was asked to.
    #[allow(clippy::too_many_arguments)]
    pub fn backward(
        &self,
        images: usize,
        x: &[f32],
        dy: &[f32],
        kept: Option<&[f32]>,
        weights: FfnBackward,
        dx: &mut [f32],
        mut gradients: FfnGradients,
        scratch: &mut [f32],
    ) {
        let (pixels, map) = (self.height * self.width, self.chunk_map(images));
        self.check_kept(images, kept);
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
                let kept = kept.map(|kept| {
                    let place = self.place((first, count), from, kept.len() / images);
                    &kept[place..]
                });
                group.chunk(from, width, kept, &mut gradients, &mut buffers);
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
    /// Hidden channels `from..from + width`, of which the hidden map may have been `kept`.
    fn chunk(
        &mut self,
        from: usize,
        width: usize,
        kept: Option<&[f32]>,
        gradients: &mut FfnGradients,
        buffers: &mut Buffers,
    ) {
        let Buffers { hidden, values, slopes, copies } = buffers;
        let (ffn, count, x, dy) = (self.ffn, self.count, self.x, self.dy);
        let forward = &self.weights.forward;
        let convolution = ffn.convolution(forward, (from, width));
        let expand = forward.expand.columns(from, width);
        let bias = &forward.expand_bias[from..];
        // A row of all images.
        let line = count * ffn.width;
        let mut hidden = Window::new(hidden, line * stride(width));
        let mut values = Window::new(values, line * stride(width));
        let mut done = 0usize;
        for [top, bottom] in ffn.bands() {
            // What the convolution will yet see of the gradients before it.
            values.forget(done.saturating_sub(ffn.reach()).min(top));
            let rows = (bottom - top) * line;

            // The hidden map again, after GELU, with GELU's slope.
            let slope = chunk_mut(slopes, rows, width);
            let value = values.extend(bottom);
            let (mut map, mut first) = (kept.unwrap_or_default(), 0);
            if let Some((part, taps, taps_bias)) = convolution {
                if kept.is_none() {
                    ffn.expand(&mut hidden, [top, bottom], x, expand, bias);
                    (map, first) = (hidden.rows(), hidden.first());
                }
                let part = part.band([top, bottom], first);
                part.forward(count, map, taps, taps_bias, value, GeluSlope(slope));
            } else {
                let to = chunk_mut(value, rows, width);
                multiply(x.rows(top * line, rows), expand, to, Biased(bias, GeluSlope(slope)));
            }

            // Through the last layer and GELU: values become gradients before GELU.
            let dy = dy.rows(top * line, rows);
            let to = &mut gradients.contract[from * ffn.output..];
            let to = MatrixMut::new(to, width, ffn.output);
            multiply_at_b(chunk(value, rows, width), dy, to, copies);
            let slope = Times(chunk(slopes, rows, width));
            let back = self.weights.contract.columns(from, width);
            multiply(dy, back, chunk_mut(value, rows, width), slope);

            // Through the convolution, as far as it sees none of what comes: `slopes` become the
            // gradients of the hidden map.
            let mut gradient: &[f32] = value;
            let before = done;
            done = if bottom < ffn.height { bottom - ffn.reach() } else { bottom };
            if let (Some((part, taps, _)), Some([weight, bias])) =
                (convolution, &mut gradients.depthwise)
            {
                let weight = TapsMut { weight, first: from, of: ffn.hidden };
                let seen = part.band([top, bottom], first);
                seen.backward_weight(count, map, value, weight, &mut bias[from..]);
                let behind = part.band([before, done], values.first());
                behind.backward_input(count, values.rows(), taps, slopes);
                gradient = slopes;
            }

            // Through the first layer.
            let rows = (done - before) * line;
            let x = x.rows(before * line, rows);
            let gradient = chunk(gradient, rows, width);
            add_column_sums(gradient, &mut gradients.expand_bias[from..from + width]);
            let to = MatrixMut::new(gradients.expand, ffn.input, ffn.hidden).columns(from, width);
            multiply_at_b(x, gradient, to, copies);
            let Some(dx) = &mut self.dx else { continue };
            let back = self.weights.expand.rows(from, width);
            let to = MatrixMut::new(&mut dx[before * line * ffn.input..], rows, ffn.input);
            if from == 0 {
                multiply(gradient, back, to, Store);
            } else {
                multiply(gradient, back, to, Add);
            }
        }
    }
}
