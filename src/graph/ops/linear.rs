//! A linear layer with bias over the last dimension, `[…, in] -> […, out]`.

use super::{Mismatch, Operation};
use crate::graph::cost::Cost;
use crate::graph::{Init, Layout, ParamSpec, Type};

#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    pub out: usize,
    pub form: Form,
}

/// What the published code makes it of, which decides its initialization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A linear module: truncated normal of deviation 0.02.
    Dense,
    /// A 1x1 convolution: normal with variance 2 / out.
    Conv1x1,
}

impl Operation for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        match inputs[0] {
            Type::Tensor(dims) => {
                let mut dims = dims.clone();
                if let Some(last) = dims.last_mut() {
                    *last = self.out;
                }
                Ok(Type::Tensor(dims))
            }
            other => Err(Mismatch::new(format!("a tensor is needed here, not {other}"), &[0])),
        }
    }

    fn params(&self, inputs: &[&Type]) -> Vec<ParamSpec> {
        let channels = inputs[0].channels().unwrap_or(0);
        let (init, layout) = match self.form {
            Form::Dense => (Init::TruncatedNormal { std: 0.02 }, Layout::Linear),
            Form::Conv1x1 => {
                (Init::Normal { std: (2.0 / self.out as f64).sqrt() }, Layout::Conv1x1)
            }
        };
        vec![
            ParamSpec {
                name: "weight",
                published: "weight",
                shape: vec![channels, self.out],
                init,
                layout,
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

    fn accumulates(&self) -> bool {
        true
    }

    fn cheap(&self) -> bool {
        true
    }

    fn products(&self) -> &'static [usize] {
        &[0]
    }

    fn cost(&self, inputs: &[&Type], output: &Type) -> Cost {
        let macs = output.elements() * inputs[0].channels().unwrap_or(0) as u64;
        Cost { macs, ptflops: macs + output.elements() }
    }
}
