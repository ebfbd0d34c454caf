//! The learning rate of every step.

use crate::spec::{self, Recipe, Unit};

/// How the learning rate moves. `lr` is its peak.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Schedule {
    Constant {
        lr: f64,
    },
    /// A cosine over the whole training, its first epochs replaced by a linear warm-up (timm's
    /// scheduler as the published code uses it: the cosine is not shifted, so the peak itself is
    /// never reached).
    Cosine {
        lr: f64,
        to: f64,
        /// In epochs.
        warmup: f64,
        from: f64,
        /// It moves between epochs only, so the whole first epoch runs at `from`.
        per_epoch: bool,
    },
}

impl Schedule {
    /// What a recipe asks for.
    pub fn of(recipe: &Recipe) -> Schedule {
        let lr = recipe.optimizer.lr();
        match &recipe.schedule.value {
            spec::Schedule::Constant(_) => Schedule::Constant { lr },
            spec::Schedule::Cosine(kind) => Schedule::Cosine {
                lr,
                to: kind.to.value.0,
                warmup: kind.warmup.value.0,
                from: kind.warmup_from.value.0,
                per_epoch: *kind.step == Unit::Epoch,
            },
        }
    }

    /// At step `batch` (from 0) of epoch `epoch` (from 0), of `epochs` with `per_epoch` steps each.
    pub fn lr(&self, epoch: u64, batch: u64, steps_per_epoch: u64, epochs: u64) -> f64 {
        match *self {
            Schedule::Constant { lr } => lr,
            Schedule::Cosine { lr, to, warmup, from, per_epoch } => {
                let inside = batch as f64 / steps_per_epoch.max(1) as f64;
                let t = epoch as f64 + if per_epoch { 0.0 } else { inside };
                if t < warmup {
                    from + t * (lr - from) / warmup
                } else {
                    let angle = std::f64::consts::PI * t / epochs as f64;
                    to + 0.5 * (lr - to) * (1.0 + angle.cos())
                }
            }
        }
    }
}
