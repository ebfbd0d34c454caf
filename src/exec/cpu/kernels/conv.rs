//! Dense strided convolution.
use super::linear::{Linear, LinearGradients};
use super::product::*;
#[derive(Debug, Clone, Copy)]
pub struct Conv {
    pub height: usize,
    pub width: usize,
    pub input: usize,
    pub output: usize,
    pub kernel: [usize; 2],
    pub stride: usize,
    pub pad: usize,
}
pub struct ConvGradients<'a> {
    pub weight: &'a mut [f32],
    pub bias: &'a mut [f32],
}
impl Conv {
    fn out(&self) -> [usize; 2] {
        [
            (self.height + 2 * self.pad - self.kernel[0]) / self.stride + 1,
            (self.width + 2 * self.pad - self.kernel[1]) / self.stride + 1,
        ]
    }
    fn linear(&self) -> Linear {
        let [h, w] = self.out();
        Linear {
            rows: h * w,
            input: self.kernel[0] * self.kernel[1] * self.input,
            output: self.output,
        }
    }
    pub fn scratch(&self, images: usize) -> usize {
        let l = self.linear();
        images * l.rows * l.input + at_b_scratch(l.input, l.output)
    }
    fn pairs(&self, n: usize, mut visit: impl FnMut(usize, Option<usize>)) {
        let [oh, ow] = self.out();
        let c = self.input;
        let mut p = 0;
        for b in 0..n {
            for oy in 0..oh {
                for ox in 0..ow {
                    for ky in 0..self.kernel[0] {
                        let y = (oy * self.stride + ky).wrapping_sub(self.pad);
                        for kx in 0..self.kernel[1] {
                            let x = (ox * self.stride + kx).wrapping_sub(self.pad);
                            visit(
                                p,
                                (y < self.height && x < self.width)
                                    .then(|| ((b * self.height + y) * self.width + x) * c),
                            );
                            p += c;
                        }
                    }
                }
            }
        }
    }
    pub fn forward(
        &self,
        n: usize,
        x: &[f32],
        w: Packed,
        bias: &[f32],
        y: &mut [f32],
        scratch: &mut [f32],
    ) {
        let l = self.linear();
        let cols = &mut scratch[..n * l.rows * l.input];
        let c = self.input;
        self.pairs(n, |p, s| match s {
            Some(s) => cols[p..p + c].copy_from_slice(&x[s..s + c]),
            None => cols[p..p + c].fill(0.0),
        });
        l.forward(n, cols, w, bias, y);
    }
    pub fn backward_input(
        &self,
        n: usize,
        dy: &[f32],
        w: Packed,
        dx: &mut [f32],
        scratch: &mut [f32],
    ) {
        let l = self.linear();
        let cols = &mut scratch[..n * l.rows * l.input];
        let c = self.input;
        l.backward_input(n, dy, w, cols);
        dx.fill(0.0);
        self.pairs(n, |p, s| {
            if let Some(s) = s {
                for i in 0..c {
                    dx[s + i] += cols[p + i];
                }
            }
        });
    }
    pub fn backward_weight(
        &self,
        n: usize,
        x: &[f32],
        dy: &[f32],
        g: ConvGradients,
        scratch: &mut [f32],
    ) {
        let l = self.linear();
        let (cols, rest) = scratch.split_at_mut(n * l.rows * l.input);
        let c = self.input;
        self.pairs(n, |p, s| match s {
            Some(s) => cols[p..p + c].copy_from_slice(&x[s..s + c]),
            None => cols[p..p + c].fill(0.0),
        });
        l.backward_weight(n, cols, dy, LinearGradients { weight: g.weight, bias: g.bias }, rest);
    }
}
