//! How a model is trained.

use crate::schema::{Amount, Count, Fraction, Positive, Whole};
use crate::schema::{block, choice, slot};

slot! {
    /// How a model is trained: settings without a kind.
    pub enum RecipeSlot = "recipe" { Recipe(Recipe), }
}

block! {
    /// How a model is trained.
    pub struct Recipe = "recipe" {
        /// passes over the training images
        epochs: Count,
        /// images per step
        batch: Count,
        /// of everything random
        seed: Whole = "0",
        /// how gradients change parameters
        optimizer: Optimizer,
        /// how the learning rate moves
        schedule: Schedule = "constant",
        /// what is minimized
        loss: Loss = "cross_entropy",
        /// the largest norm of all gradients together; larger ones are scaled down to it
        clip: Option<Positive> = "off",
        /// what is computed in
        precision: Precision = "fp32",
        /// which checkpoint counts as the result
        keep: Keep = "last",
    }
}

slot! {
    /// How gradients change parameters.
    pub enum Optimizer = "optimizer" { AdamW(AdamW), }
}

block! {
    /// Adam with decoupled weight decay.
    pub struct AdamW = "adamw" {
        /// the learning rate
        lr: Positive,
        /// of a parameter and unit of learning rate
        weight_decay: Fraction = "0.05",
        /// of the first moment
        beta1: Fraction = "0.9",
        /// of the second moment
        beta2: Fraction = "0.999",
        /// beside the root of the second moment
        eps: Positive = "1e-8",
        /// which parameters decay
        decay: Decay = "all",
    }
}

choice! {
    /// Which parameters decay.
    pub enum Decay { All = "all", Matrices = "matrices", }
}

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

choice! {
    /// What is minimized.
    pub enum Loss { CrossEntropy = "cross_entropy", }
}

choice! {
    /// What is computed in.
    pub enum Precision {
        /// 32 bits throughout.
        Fp32 = "fp32",
        /// Maps in bfloat16, parameters and sums in 32 bits; on a GPU.
        Bf16 = "bf16",
    }
}

choice! {
    /// Which checkpoint counts as the result.
    pub enum Keep { Last = "last", Best = "best", }
}
