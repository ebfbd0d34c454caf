//! How gradients change parameters.

use crate::schema::{Fraction, Positive};
use crate::schema::{block, choice, slot};

slot! {
    /// How gradients change parameters.
    pub enum Optimizer = "optimizer" { AdamW(AdamW), Sgd(Sgd), }
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

block! {
    /// Stochastic gradient descent, as PyTorch's: weight decay is added to the gradient.
    pub struct Sgd = "sgd" {
        /// the learning rate
        lr: Positive,
        /// what is left after a step of the sum of all gradients before
        momentum: Fraction = "0.9",
        /// gradients look a step of momentum ahead
        nesterov: bool = "off",
        /// the part of a parameter that is added to its gradient
        weight_decay: Fraction = "0",
        /// which parameters decay
        decay: Decay = "all",
    }
}

choice! {
    /// Which parameters decay.
    pub enum Decay {
        /// Every one.
        All = "all",
        /// Those that multiply: no biases, scales and temperatures.
        Matrices = "matrices",
    }
}

impl Optimizer {
    /// The learning rate that schedules start from.
    pub fn lr(&self) -> f64 {
        match self {
            Optimizer::AdamW(kind) => kind.lr.value.0,
            Optimizer::Sgd(kind) => kind.lr.value.0,
        }
    }

    pub fn decay(&self) -> Decay {
        match self {
            Optimizer::AdamW(kind) => kind.decay.value,
            Optimizer::Sgd(kind) => kind.decay.value,
        }
    }
}
