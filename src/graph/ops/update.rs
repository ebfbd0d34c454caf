//! The optimizer's step: every parameter moves along its gradient, once the gradients of the whole
//! batch are there and, if wanted, clipped. What it says here all executors read.

use super::{Flow, Mismatch, Operation};
use crate::graph::Type;

#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Update {
    pub rule: Rule,
    /// The largest norm of all gradients together.
    pub clip: Option<f64>,
    /// The running mean of the parameters that is kept.
    pub average: Option<Average>,
    /// How the loss is scaled, if it is.
    pub scaling: Option<LossScale>,
}

/// What the loss is multiplied by, so that small gradients survive half precision. Clipping and the
/// rule see gradients as they are without it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossScale {
    /// At first.
    pub start: f64,
    /// Good steps in a row after which the scale doubles; it halves when gradients overflow. None: it
    /// stays.
    pub interval: Option<u64>,
}

/// A running mean of the parameters, which a step moves towards them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Average {
    /// What is left of it after a step.
    pub decay: f64,
    /// No more than `1 - t^(-2/3)` of it is left after step `t` (timm's `ModelEmaV3`, after Crowson).
    pub warmup: bool,
}

impl Average {
    /// How much of it step `step`, counted from 1, replaces: all of it at first.
    pub fn replaced(&self, step: u64) -> f64 {
        let left = match (step, self.warmup) {
            (0 | 1, _) => 0.0,
            (step, true) => self.decay.min(1.0 - (step as f64).powf(-2.0 / 3.0)),
            (_, false) => self.decay,
        };
        1.0 - left
    }
}

/// How a gradient moves its parameter. The learning rate, and which parameters decay, are not part
/// of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// Adam with decoupled weight decay.
    AdamW { beta1: f64, beta2: f64, eps: f64, weight_decay: f64 },
    /// Stochastic gradient descent with momentum; weight decay is part of the gradient.
    Sgd { momentum: f64, nesterov: bool, weight_decay: f64 },
}

/// Where no recipe says more.
impl Default for Rule {
    fn default() -> Rule {
        Rule::AdamW { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.05 }
    }
}

impl Rule {
    pub fn name(&self) -> &'static str {
        match self {
            Rule::AdamW { .. } => "adamw",
            Rule::Sgd { .. } => "sgd",
        }
    }

    /// What is kept of every parameter from step to step, as large as the parameter: the names under
    /// which checkpoints hold it.
    pub fn kept(&self) -> &'static [&'static str] {
        match self {
            Rule::AdamW { .. } => &["adamw.m", "adamw.v"],
            Rule::Sgd { momentum, .. } if *momentum > 0.0 => &["sgd.momentum"],
            Rule::Sgd { .. } => &[],
        }
    }
}

impl Operation for Update {
    fn name(&self) -> &'static str {
        self.rule.name()
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        let mut words = match self.rule {
            Rule::AdamW { .. } => Vec::new(),
            Rule::Sgd { momentum, nesterov, .. } => {
                let word = |on| if on { "on" } else { "off" }.to_string();
                vec![("momentum", momentum.to_string()), ("nesterov", word(nesterov))]
            }
        };
        words.extend(self.clip.map(|norm| ("clip", norm.to_string())));
        words.extend(self.average.map(|average| ("ema", average.decay.to_string())));
        words.extend(self.scaling.map(|scaling| ("loss_scale", scaling.start.to_string())));
        words
    }

    fn infer(&self, _: &[&Type]) -> Result<Type, Mismatch> {
        Ok(Type::Tuple(Vec::new()))
    }

    fn flow(&self, _: usize) -> Flow {
        Flow::Blocked("training ends here")
    }
}
