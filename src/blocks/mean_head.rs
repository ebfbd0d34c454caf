//! The classifier on the mean of the last map.

use super::{Norm, normed};
use crate::graph::ops::{Form, Linear, Mean};
use crate::graph::{Builder, Value};
use crate::schema::block;

block! {
    /// The mean over all pixels, then a linear layer to the classes.
    pub struct MeanHead = "mean" {
        /// a norm of the map before the mean
        norm: Option<Norm> = "off",
    }
}

impl MeanHead {
    pub fn lower(&self, b: &mut Builder, x: Value, classes: usize) -> Value {
        let x = normed(&self.norm, b, "norm", "norm", x);
        let pooled = b.push("mean", "", Mean, &[x]);
        b.push("linear", "head", Linear { out: classes, form: Form::Dense }, &[pooled])
    }
}
