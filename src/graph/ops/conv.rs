//! Dense strided convolution with zero padding, `[B, H, W, in] -> [B, H', W', out]`,
//! `H' = floor((H + 2 pad - kernel) / stride) + 1`.

use super::{Mismatch, Operation, map_of};
use crate::graph::cost::Cost;
use crate::graph::{Init, Layout, ParamSpec, Size, Type, area, times};

#[derive(Debug, Clone, PartialEq)]
pub struct Conv {
    pub out: usize,
    pub kernel: Size,
    pub stride: usize,
    pub pad: usize,
}

impl Operation for Conv {
    fn name(&self) -> &'static str {
        "conv"
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        vec![
            ("kernel", times(self.kernel)),
            ("stride", self.stride.to_string()),
            ("pad", self.pad.to_string()),
        ]
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        let (size, _) = map_of(inputs, 0)?;
        let mut out = [0, 0];
        for axis in 0..2 {
            let padded = size[axis] + 2 * self.pad;
            if padded < self.kernel[axis] {
                let message = format!(
                    "a {} kernel does not fit into a {} map padded by {}",
                    times(self.kernel),
                    times(size),
                    self.pad
                );
                return Err(Mismatch::new(message, &[0]));
            }
            out[axis] = (padded - self.kernel[axis]) / self.stride + 1;
        }
        Ok(Type::map(out, self.out))
    }

    /// Published initialization: normal with variance 2 / (kernel area x out).
    fn params(&self, inputs: &[&Type]) -> Vec<ParamSpec> {
        let channels = inputs[0].channels().unwrap_or(0);
        let std = (2.0 / (area(self.kernel) as f64 * self.out as f64)).sqrt();
        vec![
            ParamSpec {
                name: "weight",
                published: "weight",
                shape: vec![self.kernel[0], self.kernel[1], channels, self.out],
                init: Init::Normal { std },
                layout: Layout::Conv,
            },
            ParamSpec {
                name: "bias",
                published: "bias",
                shape: vec![self.out],
                init: Init::Constant(0.0),
                layout: Layout::Same,
            },
        ]
    }

    fn products(&self) -> &'static [usize] {
        &[0]
    }

    fn cost(&self, inputs: &[&Type], output: &Type) -> Cost {
        let channels = inputs[0].channels().unwrap_or(0) as u64;
        let macs = output.elements() * area(self.kernel) * channels;
        Cost { macs, ptflops: macs + output.elements() }
    }
}
