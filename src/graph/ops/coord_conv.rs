//! A convolution over a map and its coordinates as one op, `[B, H, W, in] -> [B, H', W', out]`. A
//! pass makes it of the two: coordinates follow from the place of a pixel, so that no map of any
//! image has to hold them.

use super::{Conv, Coordinates, Mismatch, Operation};
use crate::graph::cost::Cost;
use crate::graph::{ParamSpec, Type};

/// The convolution, of `in + 2` channels.
#[derive(Debug, Clone, PartialEq)]
pub struct CoordConv(pub Conv);

impl Operation for CoordConv {
    fn name(&self) -> &'static str {
        "coord_conv"
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        self.0.attributes()
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        self.0.infer(&[&Coordinates.infer(inputs)?])
    }

    fn params(&self, inputs: &[&Type]) -> Vec<ParamSpec> {
        Coordinates.infer(inputs).map_or_else(|_| Vec::new(), |map| self.0.params(&[&map]))
    }

    fn products(&self) -> &'static [usize] {
        &[0]
    }

    fn cost(&self, inputs: &[&Type], output: &Type) -> Cost {
        Coordinates.infer(inputs).map_or_else(|_| Cost::default(), |map| self.0.cost(&[&map], output))
    }
}
