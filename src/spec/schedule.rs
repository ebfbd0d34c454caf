//! How the learning rate moves.

use crate::schema::{Amount, Fraction};
use crate::schema::{block, choice, slot};

slot! {
    /// How the learning rate moves.
    pub enum Schedule = "schedule" { Constant(Constant), Cosine(Cosine), }
}

block! {
    /// Not at all.
    pub struct Constant = "constant" {}
}

block! {
    /// Along half a cosine, after a linear warm-up.
    pub struct Cosine = "cosine" {
        /// the last learning rate
        to: Fraction = "0",
        /// epochs of warm-up, or a part of one (of the cosine's length, which is not shifted)
        warmup: Amount = "0",
        /// the learning rate it begins with
        warmup_from: Fraction = "0",
        /// when it moves
        step: Unit = "step",
    }
}

choice! {
    /// When the learning rate moves.
    pub enum Unit { Epoch = "epoch", Step = "step", }
}
