//! A perceptron per pixel with, if wanted, a depth-wise convolution of its hidden map, as one op:
//! linear, depth-wise, GELU, linear, `[…, in] -> […, out]`. A pass makes it of the four; executors
//! run it over chunks of hidden channels and need not hold the hidden map.
//!
//! Parameters: weight and bias of the first layer, of the convolution (if there is one), of the
//! last layer. The gradient computes the hidden map again, or reads it where it was kept: then the
//! result is a tuple of the map and the hidden map before the convolution, in whatever order the
//! executor likes.

use super::{Mismatch, Operation, Reads};
use crate::graph::cost::Cost;
use crate::graph::{Size, Type, area, times};

#[derive(Debug, Clone, PartialEq)]
pub struct Ffn {
    pub hidden: usize,
    pub out: usize,
    /// Of the depth-wise convolution; odd on both sides.
    pub kernel: Option<Size>,
    /// Whether the hidden map is a second result.
    pub keeps: bool,
}

impl Ffn {
    /// Which of its results is the hidden map, if that is kept.
    pub const HIDDEN: usize = 1;

    /// Channels of a hidden map that is kept: executors may leave a quarter of the room between its
    /// rows.
    pub fn kept(&self) -> usize {
        self.hidden + self.hidden.div_ceil(4)
    }

    /// Pixels, and multiply-accumulates of the first layer, of the convolution and of the last layer.
    fn layers(&self, input: &Type) -> (u64, [u64; 3]) {
        let channels = input.channels().unwrap_or(1).max(1) as u64;
        let pixels = input.elements() / channels;
        let each = [channels, self.kernel.map_or(0, area), self.out as u64];
        (pixels, each.map(|each| pixels * self.hidden as u64 * each))
    }
}

impl Operation for Ffn {
    fn name(&self) -> &'static str {
        "ffn"
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        let mut words = vec![("hidden", self.hidden.to_string())];
        words.extend(self.kernel.map(|kernel| ("depthwise", times(kernel))));
        words.extend(self.keeps.then(|| ("keeps", "hidden".to_string())));
        words
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        let Type::Tensor(dims) = inputs[0] else {
            return Err(Mismatch::new(format!("a tensor is needed here, not {}", inputs[0]), &[0]));
        };
        let ending = |channels: usize| {
            let mut dims = dims.clone();
            if let Some(last) = dims.last_mut() {
                *last = channels;
            }
            Type::Tensor(dims)
        };
        Ok(match self.keeps {
            true => Type::Tuple([self.out, self.kept()].map(ending).into()),
            false => ending(self.out),
        })
    }

    fn reads(&self) -> Reads {
        Reads { inputs: 1, result: self.keeps }
    }

    fn products(&self) -> &'static [usize] {
        if self.kernel.is_some() { &[0, 4] } else { &[0, 2] }
    }

    fn beside_products(&self, inputs: &[&Type], backward: bool) -> u64 {
        let (_, [_, depthwise, _]) = self.layers(inputs[0]);
        if backward { 3 * depthwise } else { depthwise }
    }

    fn cost(&self, inputs: &[&Type], _: &Type) -> Cost {
        let (pixels, layers) = self.layers(inputs[0]);
        let (hidden, out) = (self.hidden as u64, self.out as u64);
        // Beside its products every element of the hidden map counts one per bias and two per GELU.
        let macs = layers.iter().sum();
        let biases = pixels * (hidden + u64::from(self.kernel.is_some()) * hidden + out);
        Cost { macs, ptflops: macs + biases + 2 * pixels * hidden }
    }

    /// Two products of a layer, that of the input only if it is wanted, and the hidden map again as
    /// far as it is not kept.
    fn gradient_macs(&self, inputs: &[&Type], wants: &[bool]) -> u64 {
        let (_, [expand, depthwise, contract]) = self.layers(inputs[0]);
        let once = 1 + u64::from(wants[0]) + u64::from(!self.keeps);
        once * expand + 3 * depthwise + 2 * contract
    }
}
