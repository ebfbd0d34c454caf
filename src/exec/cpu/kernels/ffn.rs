//! Linear, depth-wise convolution, GELU, linear.
use super::depthwise::{Depthwise, DepthwiseGradients};
use super::gelu::Gelu;
use super::linear::{Linear, LinearGradients};
use super::product::*;
#[derive(Debug, Clone, Copy)]
pub struct Ffn {
    pub height: usize,
    pub width: usize,
    pub input: usize,
    pub hidden: usize,
    pub output: usize,
    pub kernel: Option<[usize; 2]>,
}
#[derive(Clone, Copy)]
pub struct FfnWeights<'a> {
    pub expand: Packed<'a>,
    pub expand_bias: &'a [f32],
    pub depthwise: Option<[&'a [f32]; 2]>,
    pub contract: Packed<'a>,
    pub contract_bias: &'a [f32],
}
#[derive(Clone, Copy)]
pub struct FfnBackward<'a> {
    pub forward: FfnWeights<'a>,
    pub expand: Packed<'a>,
    pub contract: Packed<'a>,
}
pub struct FfnGradients<'a> {
    pub expand: &'a mut [f32],
    pub expand_bias: &'a mut [f32],
    pub depthwise: Option<[&'a mut [f32]; 2]>,
    pub contract: &'a mut [f32],
    pub contract_bias: &'a mut [f32],
}
impl Ffn {
    pub fn scratch(&self, images: usize) -> usize {
        4 * images * self.height * self.width * self.hidden
            + at_b_scratch(self.hidden.max(self.input), self.hidden.max(self.output))
    }
    fn parts(&self) -> (Linear, Linear) {
        let rows = self.height * self.width;
        (
            Linear { rows, input: self.input, output: self.hidden },
            Linear { rows, input: self.hidden, output: self.output },
        )
    }
    pub fn forward(&self, n: usize, x: &[f32], w: FfnWeights, y: &mut [f32], scratch: &mut [f32]) {
        let (a, b) = self.parts();
        let len = n * a.rows * self.hidden;
        let (h1, rest) = scratch.split_at_mut(len);
        let (h2, _) = rest.split_at_mut(len);
        a.forward(n, x, w.expand, w.expand_bias, h1);
        if let (Some(kernel), Some([dw, db])) = (self.kernel, w.depthwise) {
            Depthwise { height: self.height, width: self.width, channels: self.hidden, kernel }
                .forward(n, h1, dw, db, h2);
        } else {
            h2.copy_from_slice(h1);
        }
        Gelu { elements: a.rows * self.hidden }.forward(n, h2, h1);
        b.forward(n, h1, w.contract, w.contract_bias, y);
    }
    #[allow(clippy::too_many_arguments)]
    pub fn backward(
        &self,
        n: usize,
        x: &[f32],
        dy: &[f32],
        w: FfnBackward,
        dx: &mut [f32],
        g: FfnGradients,
        scratch: &mut [f32],
    ) {
        let (a, b) = self.parts();
        let len = n * a.rows * self.hidden;
        let (h1, rest) = scratch.split_at_mut(len);
        let (h2, rest) = rest.split_at_mut(len);
        let (h3, rest) = rest.split_at_mut(len);
        let (h4, rest) = rest.split_at_mut(len);
        let f = w.forward;
        a.forward(n, x, f.expand, f.expand_bias, h1);
        let dwk = self.kernel.map(|kernel| Depthwise {
            height: self.height,
            width: self.width,
            channels: self.hidden,
            kernel,
        });
        if let (Some(k), Some([dw, db])) = (dwk, f.depthwise) {
            k.forward(n, h1, dw, db, h2);
        } else {
            h2.copy_from_slice(h1);
        }
        let gelu = Gelu { elements: a.rows * self.hidden };
        gelu.forward(n, h2, h3);
        b.backward_weight(
            n,
            h3,
            dy,
            LinearGradients { weight: g.contract, bias: g.contract_bias },
            rest,
        );
        b.backward_input(n, dy, w.contract, h3);
        gelu.backward(n, h2, h3, h4);
        if let (Some(k), Some([dw, _]), Some([gw, gb])) = (dwk, f.depthwise, g.depthwise) {
            k.backward_weight(n, h1, h4, DepthwiseGradients { weight: gw, bias: gb });
            k.backward_input(n, h4, dw, h3);
        } else {
            h3.copy_from_slice(h4);
        }
        a.backward_weight(
            n,
            x,
            h3,
            LinearGradients { weight: g.expand, bias: g.expand_bias },
            rest,
        );
        if !dx.is_empty() {
            a.backward_input(n, h3, w.expand, dx);
        }
    }
}
