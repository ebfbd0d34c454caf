//! Depth-wise convolution, stride 1, zero padding that keeps the map: every channel with its own
//! kernel, `[B, H, W, C] -> [B, H, W, C]`.

use super::{Mismatch, Operation, map_of};
use crate::graph::cost::Cost;
use crate::graph::{Init, Layout, ParamSpec, Size, Type, area, times};

#[derive(Debug, Clone, PartialEq)]
pub struct Depthwise {
    /// Odd on both sides.
    pub kernel: Size,
}

impl Operation for Depthwise {
    fn name(&self) -> &'static str {
        "depthwise"
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        vec![("kernel", times(self.kernel))]
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        map_of(inputs, 0)?;
        Ok(inputs[0].clone())
    }

    /// Published initialization: normal with variance 2 / kernel area.
    fn params(&self, inputs: &[&Type]) -> Vec<ParamSpec> {
        let channels = inputs[0].channels().unwrap_or(0);
        vec![
            ParamSpec {
                name: "weight",
                published: "weight",
                shape: vec![self.kernel[0], self.kernel[1], channels],
                init: Init::Normal { std: (2.0 / area(self.kernel) as f64).sqrt() },
                layout: Layout::Depthwise,
            },
            ParamSpec {
                name: "bias",
                published: "bias",
                shape: vec![channels],
                init: Init::Constant(0.0),
                layout: Layout::Same,
            },
        ]
    }

    fn cost(&self, _: &[&Type], output: &Type) -> Cost {
        let macs = output.elements() * area(self.kernel);
        Cost { macs, ptflops: macs + output.elements() }
    }
}
