//! Pooling by a strided convolution.

use crate::graph::ops::Conv;
use crate::graph::{Builder, Size, Value};
use crate::schema::block;
use crate::schema::{Count, Whole};

block! {
    /// A strided convolution.
    pub struct ConvPool = "conv" {
        /// rows x columns
        kernel: Size = "3x3",
        /// how many times smaller the map gets on each side
        stride: Count = "2",
        /// zeros around the map
        pad: Whole = "1",
    }
}

impl ConvPool {
    pub fn lower(&self, b: &mut Builder, x: Value, width: usize) -> Value {
        let conv = Conv {
            out: width,
            kernel: *self.kernel,
            stride: self.stride.value.0,
            pad: self.pad.value.0 as usize,
        };
        let out = b.push("conv", "proj", conv, &[x]);
        b.tap("", out);
        out
    }
}
