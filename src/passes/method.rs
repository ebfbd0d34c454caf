//! What a training step does besides running a model forward and backward.

use crate::graph::ops::{Average, CrossEntropy, Rule, Update};
use crate::spec::{Loss, Optimizer, Recipe};

/// What is minimized, and what becomes of the gradients. Where no recipe says it: plain cross entropy
/// and AdamW.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Method {
    pub loss: CrossEntropy,
    pub update: Update,
    /// How many parts the images of a step are taken in, where a whole batch runs at once.
    pub parts: usize,
}

impl Default for Method {
    fn default() -> Method {
        Method { loss: CrossEntropy::default(), update: Update::default(), parts: 1 }
    }
}

impl Method {
    /// What a recipe asks for, if there is one.
    pub fn of(recipe: Option<&Recipe>) -> Method {
        recipe.map_or_else(Method::default, Method::by)
    }

    fn by(recipe: &Recipe) -> Method {
        let Loss::CrossEntropy(loss) = &recipe.loss.value;
        let rule = match &recipe.optimizer.value {
            Optimizer::AdamW(kind) => Rule::AdamW {
                beta1: kind.beta1.value.0,
                beta2: kind.beta2.value.0,
                eps: kind.eps.value.0,
                weight_decay: kind.weight_decay.value.0,
            },
            Optimizer::Sgd(kind) => Rule::Sgd {
                momentum: kind.momentum.value.0,
                nesterov: kind.nesterov.value,
                weight_decay: kind.weight_decay.value.0,
            },
        };
        let clip = recipe.clip.value.map(|norm| norm.0);
        let average = recipe
            .ema
            .value
            .as_ref()
            .map(|ema| Average { decay: ema.decay.value.0, warmup: ema.warmup.value });
        Method {
            loss: CrossEntropy {
                smoothing: loss.smoothing.value.0,
                mixed: recipe.mix.value.is_some(),
            },
            update: Update { rule, clip, average },
            parts: recipe.accumulate.value.0,
        }
    }
}
