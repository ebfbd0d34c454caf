//! How gradients change parameters.

use crate::diag::Spanned;
use crate::graph::Param;
use crate::schema::{Fraction, Part, Patterns, Positive, Rate};
use crate::schema::{block, choice, slot};

slot! {
    /// How gradients change parameters.
    pub enum Optimizer = "optimizer" { AdamW(AdamW), Sgd(Sgd), }
}

block! {
    /// Adam with decoupled weight decay.
    pub struct AdamW = "adamw" {
        /// the learning rate; auto finds one before the first step, as `cluec lr` does
        lr: Rate,
        /// of a parameter and unit of learning rate
        weight_decay: Fraction = "0.05",
        /// of the first moment
        beta1: Part = "0.9",
        /// of the second moment
        beta2: Part = "0.999",
        /// beside the root of the second moment
        eps: Positive = "1e-8",
        /// which parameters decay
        decay: Decay = "all",
        /// parameters that do not decay all the same, as `cluec graph` names them
        except: Option<Patterns> = "off",
    }
}

block! {
    /// Stochastic gradient descent, as PyTorch's: weight decay is added to the gradient.
    pub struct Sgd = "sgd" {
        /// the learning rate; auto finds one before the first step, as `cluec lr` does
        lr: Rate,
        /// what is left after a step of the sum of all gradients before
        momentum: Part = "0.9",
        /// gradients look a step of momentum ahead
        nesterov: bool = "off",
        /// the part of a parameter that is added to its gradient
        weight_decay: Fraction = "0",
        /// which parameters decay
        decay: Decay = "all",
        /// parameters that do not decay all the same, as `cluec graph` names them
        except: Option<Patterns> = "off",
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

/// What both say of weight decay.
#[derive(Debug, Clone, Copy)]
pub struct WeightDecay<'a> {
    pub rate: Spanned<Fraction>,
    pub which: Spanned<Decay>,
    pub except: &'a Spanned<Option<Patterns>>,
}

impl Optimizer {
    /// The learning rate that schedules start from.
    pub fn lr(&self) -> Spanned<Rate> {
        match self {
            Optimizer::AdamW(kind) => kind.lr,
            Optimizer::Sgd(kind) => kind.lr,
        }
    }

    pub fn weight_decay(&self) -> WeightDecay<'_> {
        let (rate, which, except) = match self {
            Optimizer::AdamW(kind) => (kind.weight_decay, kind.decay, &kind.except),
            Optimizer::Sgd(kind) => (kind.weight_decay, kind.decay, &kind.except),
        };
        WeightDecay { rate, which, except }
    }
}

impl WeightDecay<'_> {
    /// Whether a parameter is one of those that decay.
    pub fn of(&self, param: &Param) -> bool {
        let chosen = match self.which.value {
            Decay::All => true,
            Decay::Matrices => param.multiplies(),
        };
        chosen && !self.except.value.as_ref().is_some_and(|except| except.name(&param.name))
    }
}
