//! How the learning rate moves.

use crate::diag::Spanned;
use crate::schema::{Amount, Epochs, Fraction, Positive};
use crate::schema::{block, choice, slot};

slot! {
    /// How the learning rate moves.
    pub enum Schedule = "schedule" {
        Constant(Constant),
        Cosine(Cosine),
        Linear(Linear),
        Poly(Poly),
        Exponential(Exponential),
        Steps(Steps),
        OneCycle(OneCycle),
    }
}

/// Declares a schedule that may begin with a warm-up.
macro_rules! warmed {
    (
        $(#[doc = $doc:literal])*
        $name:ident = $word:literal {
            $( $(#[doc = $field_doc:literal])* $field:ident : $ty:ty $(= $default:literal)?, )*
        }
    ) => {
        block! {
            $(#[doc = $doc])*
            pub struct $name = $word {
                $( $(#[doc = $field_doc])* $field: $ty $(= $default)?, )*
                /// epochs of warm-up, or a part of one (of the schedule's length, which is not shifted)
                warmup: Amount = "0",
                /// the learning rate it begins with
                warmup_from: Fraction = "0",
                /// when it moves
                step: Unit = "step",
            }
        }

        impl $name {
            fn warm_up(&self) -> WarmUp {
                WarmUp { epochs: self.warmup, from: self.warmup_from, step: self.step }
            }
        }
    };
}

warmed! {
    /// Not at all, after a linear warm-up.
    Constant = "constant" {}
}

warmed! {
    /// Along half a cosine, after a linear warm-up.
    Cosine = "cosine" {
        /// the last learning rate
        to: Fraction = "0",
    }
}

warmed! {
    /// Along a line.
    Linear = "linear" {
        /// the last learning rate
        to: Fraction = "0",
    }
}

warmed! {
    /// Along a power of what is left of the training.
    Poly = "poly" {
        /// the power
        power: Positive,
        /// the last learning rate
        to: Fraction = "0",
    }
}

warmed! {
    /// By the same factor in every epoch.
    Exponential = "exponential" {
        /// what is left of it after an epoch
        factor: Fraction,
    }
}

warmed! {
    /// By a factor at certain epochs.
    Steps = "steps" {
        /// the epochs after which it falls
        at: Epochs,
        /// what is left of it
        factor: Fraction = "0.1",
    }
}

block! {
    /// Up to the learning rate and down to nearly nothing, both along half a cosine, with every step
    /// (Smith and Topin 2019, in the two phases that PyTorch has; momentum stays as it is).
    pub struct OneCycle = "one_cycle" {
        /// the part of the training in which it rises
        rise: Fraction = "30%",
        /// the part of the learning rate that it begins with
        from: Fraction = "0.04",
        /// the part of the learning rate that it ends with
        to: Fraction = "4e-6",
    }
}

choice! {
    /// When the learning rate moves.
    pub enum Unit { Epoch = "epoch", Step = "step", }
}

/// How a schedule begins, and when it moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WarmUp {
    pub epochs: Spanned<Amount>,
    pub from: Spanned<Fraction>,
    pub step: Spanned<Unit>,
}

impl Schedule {
    /// None where there can be no warm-up.
    pub fn warm_up(&self) -> Option<WarmUp> {
        match self {
            Schedule::Constant(kind) => Some(kind.warm_up()),
            Schedule::Cosine(kind) => Some(kind.warm_up()),
            Schedule::Linear(kind) => Some(kind.warm_up()),
            Schedule::Poly(kind) => Some(kind.warm_up()),
            Schedule::Exponential(kind) => Some(kind.warm_up()),
            Schedule::Steps(kind) => Some(kind.warm_up()),
            Schedule::OneCycle(_) => None,
        }
    }
}
