//! Patch embedding: a strided convolution over the image, with coordinates if wanted.

use super::{Norm, normed};
use crate::graph::ops::{Add, Conv, Coordinates, Depthwise};
use crate::graph::{Builder, Size, Value};
use crate::schema::{Count, Whole};
use crate::schema::{block, choice};

choice! {
    /// A position term added after the embedding.
    pub enum Position {
        /// A depth-wise 3x3 convolution with a residual.
        DwConv = "dwconv",
    }
}

block! {
    /// One strided convolution over the image; patches overlap where the kernel exceeds the stride.
    pub struct Patches = "patches" {
        /// rows x columns of a patch
        kernel: Size,
        /// pixels between patches
        stride: Count,
        /// zeros around the image
        pad: Whole = "0",
        /// two more input channels: the row and the column, from -0.5 to 0.5
        coords: bool = "off",
        /// a norm after the convolution
        norm: Option<Norm> = "off",
        /// a position term after it
        position: Option<Position> = "off",
    }
}

impl Patches {
    /// cluenet.md section 2; channels of the convolution are `[R, G, B, row, column]`.
    pub fn lower(&self, b: &mut Builder, image: Value, width: usize) -> Value {
        let embedded = b.scope("embed", "patch_embed", |b| {
            let mut x = image;
            if *self.coords {
                x = b.at(self.coords.span, |b| b.push("coordinates", "", Coordinates, &[x]));
            }
            let conv = Conv {
                out: width,
                kernel: *self.kernel,
                stride: self.stride.value.0,
                pad: self.pad.value.0 as usize,
            };
            x = b.at(self.kernel.span, |b| b.push("conv", "proj", conv, &[x]));
            x = normed(&self.norm, b, "norm", "norm", x);
            b.tap("", x);
            x
        });
        match *self.position {
            None => embedded,
            Some(Position::DwConv) => b.at(self.position.span, |b| {
                b.scope("position", "pos_embed", |b| {
                    let conv = Depthwise { kernel: [3, 3] };
                    let local = b.push("depthwise", "proj.0", conv, &[embedded]);
                    let sum = b.push("add", "", Add, &[local, embedded]);
                    b.tap("", sum);
                    sum
                })
            }),
        }
    }
}
