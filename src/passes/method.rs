//! What a training step does besides running a model forward and backward.

use crate::graph::Precision;
use crate::graph::ops::{Average, CrossEntropy, LossScale, Rule, Update};
use crate::spec::{self, Loss, Optimizer, Recipe};

/// What is minimized, what becomes of the gradients, and what values are stored in. Where no recipe
/// says it: plain cross entropy, AdamW, `f32`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Method {
    pub loss: CrossEntropy,
    pub update: Update,
    /// How many parts the images of a step are taken in, where a whole batch runs at once.
    pub parts: usize,
    pub precision: Precision,
}

impl Default for Method {
    fn default() -> Method {
        let (loss, update) = (CrossEntropy::default(), Update::default());
        Method { loss, update, parts: 1, precision: Precision::F32 }
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
        let scaling = match &recipe.precision.value {
            spec::Precision::Fp16(kind) => Some(LossScale {
                start: kind.loss_scale.value.0,
                interval: kind.growth_interval.value.map(|steps| steps.0 as u64),
            }),
            _ => None,
        };
        Method {
            loss: CrossEntropy {
                smoothing: loss.smoothing.value.0,
                mixed: recipe.mix.value.is_some(),
            },
            update: Update { rule, clip, average, scaling },
            parts: recipe.accumulate.value.0,
            precision: recipe.precision.value.stored(),
        }
    }
}
