//! A hard dispatch and the linear layer behind it: the layer is applied to the centers, head by
//! head, and every pixel adds up rows of the result.

use super::meeting::Chosen;
use super::product::{
    Matrix, MatrixMut, Packed, Store, add_column_sums, at_b_scratch, multiply, multiply_at_b,
    pack_transposed, packed_len,
};
use super::vector::{Part, Whole, add_scaled, along, dot, vectorized};
use pulp::Simd;

/// Centers `[centers, heads, width]` to `[pixels, output]`.
#[derive(Debug, Clone, Copy)]
pub struct DispatchLinear {
    pub centers: usize,
    pub pixels: usize,
    pub heads: usize,
    /// Of a head.
    pub width: usize,
    pub output: usize,
}

/// What every pixel chose, and the centers.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    pub chosen: Chosen<'a>,
    pub centers: &'a [f32],
}

/// Where gradients go: those of the inputs are overwritten, those of the parameters added to.
pub struct Gradients<'a> {
    pub scale: &'a mut [f32],
    pub centers: &'a mut [f32],
    pub weight: &'a mut [f32],
    pub bias: &'a mut [f32],
}

impl DispatchLinear {
    /// For the forward pass.
    pub fn scratch(&self) -> usize {
        self.rows()
    }

    /// For the backward pass.
    pub fn backward_scratch(&self) -> usize {
        let packs = self.heads * packed_len(self.output, self.width);
        2 * self.rows() + packs + at_b_scratch(self.width, self.output)
    }

    /// Numbers of all centers' results, head by head.
    fn rows(&self) -> usize {
        self.heads * self.centers * self.output
    }

    /// `weight` is packed `[heads * width, output]`.
    pub fn forward(
        &self,
        images: usize,
        inputs: Inputs,
        weight: Packed,
        bias: &[f32],
        y: &mut [f32],
        scratch: &mut [f32],
    ) {
        let rows = &mut scratch[..self.rows()];
        for (image, y) in (0..images).zip(y.chunks_exact_mut(self.pixels * self.output)) {
            let Inputs { chosen, centers } = self.image(inputs, image);
            self.apply(centers, weight, rows);
            gather(*self, chosen, rows, bias, y);
        }
    }

    /// From `dy`; `weight` is as in `forward`, `plain` the same in the plain layout.
    #[allow(clippy::too_many_arguments)]
    pub fn backward(
        &self,
        images: usize,
        inputs: Inputs,
        weight: Packed,
        plain: &[f32],
        dy: &[f32],
        gradients: Gradients,
        scratch: &mut [f32],
    ) {
        let (heads, centers, output) = (self.heads, self.centers, self.output);
        let (width, all) = (self.width, self.heads * self.width);
        let (rows, rest) = scratch.split_at_mut(self.rows());
        let (slopes, rest) = rest.split_at_mut(self.rows());
        let length = packed_len(output, width);
        let (packs, copies) = rest.split_at_mut(heads * length);
        for (pack, part) in packs.chunks_exact_mut(length).zip(plain.chunks(width * output)) {
            pack_transposed(Matrix::new(part, width, output), pack);
        }
        add_column_sums(Matrix::new(dy, images * self.pixels, output), gradients.bias);
        for (image, dy) in (0..images).zip(dy.chunks_exact(self.pixels * output)) {
            let Inputs { chosen, centers: values } = self.image(inputs, image);
            self.apply(values, weight, rows);
            slopes.fill(0.0);
            let count = chosen.index.len();
            let dscale = &mut gradients.scale[image * count..][..count];
            scatter(*self, chosen, rows, dy, dscale, slopes);
            let dcenters = &mut gradients.centers[image * centers * all..][..centers * all];
            for (h, slopes) in slopes.chunks_exact(centers * output).enumerate() {
                let slopes = Matrix::new(slopes, centers, output);
                let back = Packed::new(&packs[h * length..][..length], output, width);
                let to = MatrixMut::new(dcenters, centers, all).columns(h * width, width);
                multiply(slopes, back, to, Store);
                let values = Matrix::new(values, centers, all).columns(h * width, width);
                let part = &mut gradients.weight[h * width * output..][..width * output];
                multiply_at_b(values, slopes, MatrixMut::new(part, width, output), copies);
            }
        }
    }

    fn image<'a>(&self, inputs: Inputs<'a>, image: usize) -> Inputs<'a> {
        let [chosen, centers] = [self.pixels, self.centers * self.width].map(|n| n * self.heads);
        let Chosen { index, weight } = inputs.chosen;
        Inputs {
            chosen: Chosen {
                index: &index[image * chosen..][..chosen],
                weight: &weight[image * chosen..][..chosen],
            },
            centers: &inputs.centers[image * centers..][..centers],
        }
    }

    /// The rows of a pixel, head by head, and what scales them.
    #[inline(always)]
    fn rows_of<'a>(
        self,
        chosen: Chosen<'a>,
        rows: &'a [f32],
    ) -> impl Iterator<Item = (&'a [f32], f32)> {
        let heads = rows.chunks_exact(self.centers * self.output);
        let chosen = chosen.index.iter().zip(chosen.weight);
        chosen.zip(heads).map(
            #[inline(always)]
            move |((&center, &scale), of)| {
                (&of[center as usize * self.output..][..self.output], scale)
            },
        )
    }

    /// Every head of the centers through its rows of the weight.
    fn apply(&self, centers: &[f32], weight: Packed, rows: &mut [f32]) {
        let all = Matrix::new(centers, self.centers, self.heads * self.width);
        for (h, to) in rows.chunks_exact_mut(self.centers * self.output).enumerate() {
            let to = MatrixMut::new(to, self.centers, self.output);
            let weight = weight.rows(h * self.width, self.width);
            multiply(all.columns(h * self.width, self.width), weight, to, Store);
        }
    }
}

vectorized! {
    /// Every pixel is the bias and the scaled rows it chose.
    fn gather<S>(
        simd,
        size: DispatchLinear,
        chosen: Chosen<'a>,
        rows: &'a [f32],
        bias: &'a [f32],
        y: &'a mut [f32],
    ) {
        let (heads, c) = (size.heads, size.output);
        for (to, chosen) in y.chunks_exact_mut(c).zip(chosen.images(heads)) {
            let mut at = 0;
            while at + 4 * S::F32_LANES <= c {
                at += add_up::<S, 4>(simd, size, chosen, rows, bias, to, at);
            }
            if at + 2 * S::F32_LANES <= c {
                at += add_up::<S, 2>(simd, size, chosen, rows, bias, to, at);
            }
            along!(S, c - at, |rest, part| {
                let mut sum = part.load(simd, bias, at + rest);
                for (row, scale) in size.rows_of(chosen, rows) {
                    let x = part.load(simd, row, at + rest);
                    sum = simd.mul_add_e_f32s(x, simd.splat_f32s(scale), sum);
                }
                part.store(simd, to, at + rest, sum);
            });
        }
    }

    /// A pixel's gradient back to the rows it chose, added to `slopes`, and to what scaled them.
    fn scatter<S>(
        simd,
        size: DispatchLinear,
        chosen: Chosen<'a>,
        rows: &'a [f32],
        dy: &'a [f32],
        dscale: &'a mut [f32],
        slopes: &'a mut [f32],
    ) {
        let (heads, c) = (size.heads, size.output);
        let pixels = dy.chunks_exact(c).zip(chosen.images(heads));
        for ((g, chosen), to) in pixels.zip(dscale.chunks_exact_mut(heads)) {
            let heads = chosen.index.iter().zip(chosen.weight).zip(to).enumerate();
            for (h, ((&center, &scale), to)) in heads {
                let at = (h * size.centers + center as usize) * c;
                *to = dot(simd, g, &rows[at..][..c]);
                add_scaled(simd, &mut slopes[at..][..c], g, scale);
            }
        }
    }
}

/// `V` vectors of a pixel's result from channel `at` on, side by side, so that none waits for the one
/// before; how many channels they are.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn add_up<S: Simd, const V: usize>(
    simd: S,
    size: DispatchLinear,
    chosen: Chosen,
    rows: &[f32],
    bias: &[f32],
    to: &mut [f32],
    at: usize,
) -> usize {
    let width = V * S::F32_LANES;
    let mut sums = [simd.splat_f32s(0.0); V];
    for (v, sum) in sums.iter_mut().enumerate() {
        *sum = Whole.load(simd, bias, at + v * S::F32_LANES);
    }
    for (row, scale) in size.rows_of(chosen, rows) {
        let (row, scale) = (&row[at..][..width], simd.splat_f32s(scale));
        for (v, sum) in sums.iter_mut().enumerate() {
            *sum = simd.mul_add_e_f32s(Whole.load(simd, row, v * S::F32_LANES), scale, *sum);
        }
    }
    for (v, sum) in sums.into_iter().enumerate() {
        Whole.store(simd, to, at + v * S::F32_LANES, sum);
    }
    width
}
