//! Loss scaling, as PyTorch's `GradScaler`: gradients are those of the loss times a scale, which half
//! precision would lose otherwise; the update divides by it. The scale halves when they overflow, and
//! doubles after a number of good steps in a row.

use crate::graph::ops::LossScale;

/// Below it the scale is no help: what overflows is the gradient itself.
const LEAST: f64 = 1.0;

/// Where the scale stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scaling {
    pub scale: f64,
    /// Good steps since it changed.
    pub good: u64,
}

impl Scaling {
    /// Before the first step.
    pub fn new(rule: LossScale) -> Scaling {
        Scaling { scale: rule.start, good: 0 }
    }

    /// After a step that was taken.
    pub(super) fn advance(self, rule: LossScale) -> Scaling {
        let good = self.good + 1;
        let double = 2.0 * self.scale;
        match rule.interval {
            Some(interval) if good >= interval && (double as f32).is_finite() => {
                Scaling { scale: double, good: 0 }
            }
            _ => Scaling { good, ..self },
        }
    }

    /// After a step whose gradients are not finite; none if no smaller scale is to be tried.
    pub(super) fn retreat(self, rule: LossScale) -> Option<Scaling> {
        let scale = self.scale / 2.0;
        (rule.interval.is_some() && scale >= LEAST).then_some(Scaling { scale, good: 0 })
    }
}
