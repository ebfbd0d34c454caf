//! How a model is trained.

use super::ema::Ema;
use super::mix::Mix;
use super::optimizer::Optimizer;
use super::precision::Precision;
use super::schedule::Schedule;
use crate::schema::{Count, Fraction, Positive, Whole};
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
        /// whether images of a batch are mixed in pairs, and their labels alike
        mix: Option<Mix> = "off",
        /// the largest norm of all gradients together; larger ones are scaled down to it
        clip: Option<Positive> = "off",
        /// parts that a step takes its images in, one after the other: on a GPU, where a batch runs at
        /// once, less memory for the same gradient
        accumulate: Count = "1",
        /// a running mean of the parameters, which is measured in their place
        ema: Option<Ema> = "off",
        /// what is computed in
        precision: Precision = "fp32",
        /// which checkpoint counts as the result
        keep: Keep = "last",
    }
}

slot! {
    /// What is minimized.
    pub enum Loss = "loss" { CrossEntropy(CrossEntropy), }
}

block! {
    /// The cross entropy of the logits and what an image shows; the mean over a batch.
    pub struct CrossEntropy = "cross_entropy" {
        /// what all classes share equally of every image: 10% says that it shows its class to 90 %,
        /// and each class to a part of the rest
        smoothing: Fraction = "0",
    }
}

choice! {
    /// Which checkpoint counts as the result.
    pub enum Keep { Last = "last", Best = "best", }
}
