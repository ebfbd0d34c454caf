//! The learning rate of every step.

use crate::schema::Rate;
use crate::spec::{self, Recipe, Unit};
use std::f64::consts::PI;

/// How the learning rate moves: along a curve over the whole training, its first epochs replaced by a
/// linear warm-up. The curve is not shifted by the warm-up (timm's schedulers as the published code
/// uses them), so the peak itself may never be reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// What curves start from.
    pub lr: f64,
    pub curve: Curve,
    /// In epochs.
    pub warmup: f64,
    /// What the warm-up begins with.
    pub from: f64,
    /// It moves between epochs only, so the whole first epoch of a warm-up runs at `from`.
    pub per_epoch: bool,
}

/// From the first epoch to the last.
#[derive(Debug, Clone, PartialEq)]
pub enum Curve {
    Constant,
    /// Half a cosine.
    Cosine {
        to: f64,
    },
    Linear {
        to: f64,
    },
    /// A power of what is left of the training.
    Poly {
        to: f64,
        power: f64,
    },
    /// A factor for every epoch.
    Exponential {
        factor: f64,
    },
    /// A factor at each of these epochs.
    Steps {
        at: Vec<f64>,
        factor: f64,
    },
    /// Up and down in parts of the learning rate; `rise` is a part of the training.
    OneCycle {
        rise: f64,
        from: f64,
        to: f64,
    },
}

impl Schedule {
    /// What a recipe asks for; `found` is the learning rate where the recipe leaves it to be found.
    pub fn of(recipe: &Recipe, found: Option<f64>) -> Schedule {
        let lr = match recipe.optimizer.lr().value {
            Rate::Fixed(lr) => lr,
            Rate::Auto => found.unwrap_or(0.0),
        };
        let kind = &recipe.schedule.value;
        let curve = match kind {
            spec::Schedule::Constant(_) => Curve::Constant,
            spec::Schedule::Cosine(kind) => Curve::Cosine { to: kind.to.value.0 },
            spec::Schedule::Linear(kind) => Curve::Linear { to: kind.to.value.0 },
            spec::Schedule::Poly(kind) => {
                Curve::Poly { to: kind.to.value.0, power: kind.power.value.0 }
            }
            spec::Schedule::Exponential(kind) => Curve::Exponential { factor: kind.factor.value.0 },
            spec::Schedule::Steps(kind) => {
                Curve::Steps { at: kind.at.value.0.clone(), factor: kind.factor.value.0 }
            }
            spec::Schedule::OneCycle(kind) => Curve::OneCycle {
                rise: kind.rise.value.0,
                from: kind.from.value.0,
                to: kind.to.value.0,
            },
        };
        let warm_up = kind.warm_up();
        Schedule {
            lr,
            curve,
            warmup: warm_up.map_or(0.0, |w| w.epochs.value.0),
            from: warm_up.map_or(0.0, |w| w.from.value.0),
            per_epoch: warm_up.is_some_and(|w| w.step.value == Unit::Epoch),
        }
    }

    /// At step `batch` (from 0) of epoch `epoch` (from 0), of `epochs` with `per_epoch` steps each.
    pub fn lr(&self, epoch: u64, batch: u64, steps_per_epoch: u64, epochs: u64) -> f64 {
        let inside = batch as f64 / steps_per_epoch.max(1) as f64;
        let t = epoch as f64 + if self.per_epoch { 0.0 } else { inside };
        if t < self.warmup {
            return self.from + t * (self.lr - self.from) / self.warmup;
        }
        let (lr, part) = (self.lr, t / epochs as f64);
        match &self.curve {
            Curve::Constant => lr,
            Curve::Cosine { to } => {
                let angle = PI * t / epochs as f64;
                to + 0.5 * (lr - to) * (1.0 + angle.cos())
            }
            Curve::Linear { to } => to + (lr - to) * (1.0 - part),
            Curve::Poly { to, power } => to + (lr - to) * (1.0 - part).powf(*power),
            Curve::Exponential { factor } => lr * factor.powf(t),
            Curve::Steps { at, factor } => {
                let passed = at.iter().filter(|&&epoch| epoch <= t).count();
                lr * factor.powi(passed as i32)
            }
            Curve::OneCycle { rise, from, to } => {
                // Between steps, of which the last one ends the cycle.
                let step = (epoch * steps_per_epoch + batch) as f64;
                let last = (epochs * steps_per_epoch) as f64 - 1.0;
                let top = rise * (last + 1.0) - 1.0;
                let along =
                    |a: f64, b: f64, part: f64| b + 0.5 * (a - b) * (1.0 + (PI * part).cos());
                match step <= top {
                    true => along(from * lr, lr, step / top.max(1.0)),
                    false => along(lr, to * lr, (step - top) / (last - top).max(1.0)),
                }
            }
        }
    }
}
