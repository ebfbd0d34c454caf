//! The gate that weighs a refined center against the pooled, local one, per center and head:
//! `g = sigmoid(W2 gelu(W1 [soft, local] + b1) + b2)`, result `(1 - g) soft + g local`.
//!
//! Inputs soft and local, `[B, gh, gw, A]` each; hidden width is half the head width. Every head
//! has its own perceptron (official code; the paper writes one).

use super::{Mismatch, Operation, head_width, map_of};
use crate::graph::cost::Cost;
use crate::graph::{Init, Layout, ParamSpec, Type, area};

#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    pub heads: usize,
}

impl Gate {
    /// Head width and hidden width of the perceptron.
    pub fn widths(&self, channels: usize) -> (usize, usize) {
        let width = channels / self.heads;
        (width, width / 2)
    }
}

impl Operation for Gate {
    fn name(&self) -> &'static str {
        "gate"
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        vec![("heads", self.heads.to_string())]
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        let (_, channels) = map_of(inputs, 0)?;
        if head_width(channels, self.heads, 0)? < 2 {
            return Err(Mismatch::new("a gate needs heads of width 2 or more", &[0]));
        }
        if inputs[0] != inputs[1] {
            return Err(Mismatch::new("soft and local centers differ in shape", &[0, 1]));
        }
        Ok(inputs[0].clone())
    }

    /// Published initialization: uniform within 1 / sqrt(out x in) of one head's matrix.
    fn params(&self, inputs: &[&Type]) -> Vec<ParamSpec> {
        let (width, hidden) = self.widths(inputs[0].channels().unwrap_or(0));
        let layer = |weight, bias, names: [&'static str; 2], shape: [usize; 2]| {
            [
                ParamSpec {
                    name: weight,
                    published: names[0],
                    shape: vec![self.heads, shape[0], shape[1]],
                    init: Init::Uniform { bound: 1.0 / ((shape[0] * shape[1]) as f64).sqrt() },
                    layout: Layout::PerHead,
                },
                ParamSpec {
                    name: bias,
                    published: names[1],
                    shape: vec![self.heads, shape[1]],
                    init: Init::Constant(0.0),
                    layout: Layout::Same,
                },
            ]
        };
        let first = layer("weight1", "bias1", ["fc1.weight", "fc1.bias"], [2 * width, hidden]);
        let second = layer("weight2", "bias2", ["fc2.weight", "fc2.bias"], [hidden, 1]);
        first.into_iter().chain(second).collect()
    }

    fn cost(&self, _: &[&Type], output: &Type) -> Cost {
        let Some((grid, channels)) = output.as_map() else { return Cost::default() };
        let (width, hidden) = self.widths(channels);
        let hidden_total = area(grid) * (self.heads * hidden) as u64;
        Cost { macs: hidden_total * (2 * width as u64 + 1), ptflops: 2 * hidden_total }
    }

    /// Two for each layer, and the first one again.
    fn gradient_macs(&self, inputs: &[&Type], _: &[bool]) -> u64 {
        3 * self.cost(inputs, inputs[0]).macs
    }
}
