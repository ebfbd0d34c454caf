//! A perceptron per pixel with, if wanted, a depth-wise convolution of its hidden map, as one op:
//! linear, depth-wise, GELU, linear, `[…, in] -> […, out]`. A pass makes it of the four; executors
//! run it over chunks of hidden channels and never hold the hidden map.
//!
//! Parameters: weight and bias of the first layer, of the convolution (if there is one), of the
//! last layer. The gradient computes the hidden map again.

use super::{Mismatch, Operation};
use crate::graph::cost::Cost;
use crate::graph::{Size, Type, area, times};

#[derive(Debug, Clone, PartialEq)]
pub struct Ffn {
    pub hidden: usize,
    pub out: usize,
    /// Of the depth-wise convolution; odd on both sides.
    pub kernel: Option<Size>,
}

impl Operation for Ffn {
    fn name(&self) -> &'static str {
        "ffn"
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        let mut words = vec![("hidden", self.hidden.to_string())];
        words.extend(self.kernel.map(|kernel| ("depthwise", times(kernel))));
        words
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        let Type::Tensor(dims) = inputs[0] else {
            return Err(Mismatch::new(format!("a tensor is needed here, not {}", inputs[0]), &[0]));
        };
        let mut dims = dims.clone();
        if let Some(last) = dims.last_mut() {
            *last = self.out;
        }
        Ok(Type::Tensor(dims))
    }

    fn cost(&self, inputs: &[&Type], _: &Type) -> Cost {
        let channels = inputs[0].channels().unwrap_or(1).max(1) as u64;
        let pixels = inputs[0].elements() / channels;
        let taps = self.kernel.map_or(0, area);
        let (hidden, out) = (self.hidden as u64, self.out as u64);
        // Beside its products every element of the hidden map counts one per bias and two per GELU.
        let macs = pixels * hidden * (channels + taps + out);
        let biases = pixels * (hidden + u64::from(taps > 0) * hidden + out);
        Cost { macs, ptflops: macs + biases + 2 * pixels * hidden }
    }
}
