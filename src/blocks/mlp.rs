//! The feed-forward part of a block.

use super::odd_kernel;
use crate::graph::ops::{Depthwise, Form, Gelu, Linear};
use crate::graph::{Builder, Size, Value};
use crate::schema::Positive;
use crate::schema::block;

block! {
    /// A two-layer perceptron per pixel, with a depth-wise convolution of the hidden map if wanted.
    pub struct Mlp = "mlp" {
        /// hidden channels for each channel of the block
        ratio: Positive,
        /// a depth-wise convolution before the activation, rows x columns
        depthwise: Option<Size> = "off",
    }
}

impl Mlp {
    pub fn lower(&self, b: &mut Builder, x: Value, width: usize) -> Value {
        let hidden = (width as f64 * self.ratio.value.0) as usize;
        let linear = |out: usize| Linear { out: out.max(1), form: Form::Dense };
        let mut h = b.push("expand", "fc1", linear(hidden), &[x]);
        if let Some(kernel) = *self.depthwise
            && odd_kernel(b, self.depthwise.map(|_| kernel))
        {
            h = b.at(self.depthwise.span, |b| {
                b.push("depthwise", "dwconv.dwconv", Depthwise { kernel }, &[h])
            });
        }
        h = b.push("gelu", "", Gelu, &[h]);
        b.push("contract", "fc2", linear(width), &[h])
    }
}
