//! Improved cluster pooling (paper section 3.3; cluenet.md section 6): clusters of pixels, each
//! averaged, beside a strided convolution.

use super::{Norm, normed};
use crate::diag::Diagnostic;
use crate::graph::ops::{Add, ClusterMean, Conv, Form, Gelu, LayerNorm, Linear, Nearest};
use crate::graph::{Builder, Value, times};
use crate::schema::Count;
use crate::schema::block;

block! {
    /// Improved cluster pooling: halves the map by averaging clusters, beside a strided convolution.
    pub struct Icp = "icp" {
        /// layers of the perceptron after pooling; all but the last keep the width
        layers: Count = "2",
        /// a norm after the perceptron
        norm_out: Option<Norm> = "off",
    }
}

/// More layers than any pool has.
const MAX_LAYERS: usize = 64;

impl Icp {
    pub fn lower(&self, b: &mut Builder, x: Value, width: usize) -> Value {
        let conv = Conv { out: width, kernel: [3, 3], stride: 2, pad: 1 };
        let Some(([rows, columns], channels)) = b.ty(x).as_map() else {
            return b.push("skip", "conv_skip", conv, &[x]);
        };
        if rows % 2 == 1 || columns % 2 == 1 {
            b.diags.push(self.odd(b, [rows, columns]));
            return b.unknown("pool");
        }
        if self.layers.value.0 > MAX_LAYERS {
            b.diags.push(
                Diagnostic::error("E0320", format!("a pool has at most {MAX_LAYERS} layers"))
                    .at(self.layers.span, "too many"),
            );
            return b.unknown("pool");
        }
        let skip = b.push("skip", "conv_skip", conv, &[x]);
        let linear = |out| Linear { out, form: Form::Conv1x1 };
        let features = b.push("features", "conv_f", linear(channels), &[x]);
        let grid = [rows / 2, columns / 2];
        let nearest = b.push("nearest", "", Nearest { grid }, &[features]);
        b.tap("", nearest);
        let pooled = b.push("mean", "", ClusterMean, &[nearest, features]);
        let mut y = b.push("norm", "norm1", LayerNorm, &[pooled]);
        let layers = self.layers.value.0;
        for layer in 1..=layers {
            let published = format!("conv_v.{}", 2 * (layer - 1));
            let out = if layer == layers { width } else { channels };
            y = b.push(&format!("layer{layer}"), &published, linear(out), &[y]);
            if layer < layers {
                y = b.push(&format!("gelu{layer}"), "", Gelu, &[y]);
            }
        }
        y = normed(&self.norm_out, b, "norm_out", "norm2", y);
        let out = b.push("add", "", Add, &[skip, y]);
        b.tap("", out);
        out
    }

    fn odd(&self, b: &Builder, map: [usize; 2]) -> Diagnostic {
        let mut diagnostic = Diagnostic::error(
            super::ODD_MAP,
            format!("this pool halves a {} map, which is odd", times(map)),
        );
        if let Some(span) = b.place() {
            diagnostic = diagnostic.at(span, "halves the map");
        }
        if let Some(span) = b.input_span() {
            diagnostic = diagnostic.at(span, "comes from here");
        }
        diagnostic.help(
            "an input works if its sides divide by the embedding's stride times 2 for each pool",
        )
    }
}
