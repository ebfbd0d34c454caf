//! What is computed in.

use crate::graph;
use crate::schema::{Count, Positive};
use crate::schema::{block, slot};

slot! {
    /// What is computed in. Parameters themselves, what the optimizer keeps, sums and the loss are in
    /// 32 bits in all of them.
    pub enum Precision = "precision" { Fp32(Fp32), Bf16(Bf16), Fp16(Fp16), }
}

block! {
    /// 32 bits throughout.
    pub struct Fp32 = "fp32" {}
}

block! {
    /// What an op leaves, and the matrices and biases of products, are rounded to bfloat16.
    pub struct Bf16 = "bf16" {}
}

block! {
    /// What an op leaves, and the matrices and biases of products, are rounded to half precision. The
    /// loss is scaled, so that small gradients are not lost; a step whose gradients overflow is skipped.
    pub struct Fp16 = "fp16" {
        /// what the loss is multiplied by at first; it halves when gradients overflow
        loss_scale: Positive = "65536",
        /// good steps in a row after which the scale doubles; off: it stays, and an overflow ends the training
        growth_interval: Option<Count> = "2000",
    }
}

impl Precision {
    pub fn stored(&self) -> graph::Precision {
        match self {
            Precision::Fp32(_) => graph::Precision::F32,
            Precision::Bf16(_) => graph::Precision::Bf16,
            Precision::Fp16(_) => graph::Precision::F16,
        }
    }
}
