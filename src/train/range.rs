//! How large a learning rate may be: the range test (Smith, "Cyclical learning rates for training neural
//! networks", WACV 2017). A model is trained for some steps while the rate rises, until the loss
//! diverges. Nothing of it is kept but the losses.

use super::chart::{Axis, Line, chart};
use super::{Batches, Fed, TrainError};
use crate::data::Mix;
use crate::exec::{StepError, StepKey, Trainer};
use serde::Serialize;
use std::sync::atomic::{AtomicBool, Ordering};

/// Which rates are tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    pub from: f64,
    pub to: f64,
    /// Steps from the one to the other.
    pub steps: u64,
    /// Rates grow by the same amount, not by the same factor.
    pub linear: bool,
}

/// What `lr auto` tries.
impl Default for Range {
    fn default() -> Range {
        Range { from: 1e-6, to: 1.0, steps: 100, linear: false }
    }
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    pub lr: f64,
    pub loss: f64,
    /// The mean of this loss and those before, each weighing 0.9 of the next.
    pub smooth: f64,
}

/// What a range test has shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Found {
    pub points: Vec<Point>,
    /// Steps that overflowed in half precision, and told nothing.
    pub skipped: u64,
    /// Whether the loss went off before the last rate.
    pub diverged: bool,
    /// Where the smoothed loss falls fastest; none if it never falls.
    pub suggestion: Option<f64>,
}

/// What is left of a mean loss after a step.
const LEFT: f64 = 0.9;
/// A smoothed loss this many times the smallest one so far has diverged.
const DIVERGED: f64 = 4.0;

impl Range {
    /// The rate of a step, from 0.
    pub fn rate(&self, step: u64) -> f64 {
        let part = step as f64 / (self.steps.max(2) - 1) as f64;
        match self.linear {
            true => self.from + (self.to - self.from) * part,
            false => self.from * (self.to / self.from).powf(part),
        }
    }

    /// Trains a fresh model on the batches that its first steps would see, mixed as they would be;
    /// none if it is stopped.
    pub fn test(
        &self,
        trainer: &mut dyn Trainer,
        train: &dyn Batches,
        mix: Option<&Mix>,
        seed: u64,
        stop: &AtomicBool,
    ) -> Result<Option<Found>, TrainError> {
        let mut points: Vec<Point> = Vec::new();
        let (mut mean, mut best, mut diverged) = (0.0, f64::INFINITY, false);
        let mut skipped = 0;
        let batches = (0..).flat_map(|epoch| train.epoch(epoch, 0));
        for (step, batch) in (0..self.steps).zip(batches) {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let Fed { mut batch, .. } = batch.map_err(TrainError::Data)?;
            let key = StepKey { seed, step };
            if let Some(mix) = mix {
                mix.apply(&mut batch, key);
            }
            let lr = self.rate(step);
            let loss = match trainer.step(&batch, lr, key) {
                Ok(step) if step.taken => step.loss,
                // Until a loss scale is found. A loss that is none is cured by no scale.
                Ok(step) if step.loss.is_finite() => {
                    skipped += 1;
                    continue;
                }
                Err(StepError::Exec(error)) => return Err(TrainError::Exec(error.to_string())),
                Ok(_) | Err(StepError::NotFinite(_)) => {
                    diverged = true;
                    break;
                }
            };
            mean = LEFT * mean + (1.0 - LEFT) * loss;
            let smooth = mean / (1.0 - LEFT.powf(points.len() as f64 + 1.0));
            points.push(Point { lr, loss, smooth });
            best = best.min(smooth);
            if smooth > DIVERGED * best {
                diverged = true;
                break;
            }
        }
        let suggestion = steepest(&points);
        Ok(Some(Found { points, skipped, diverged, suggestion }))
    }
}

/// The rate at which the smoothed loss falls fastest with the step, before it is smallest: the slope
/// over a twentieth of the points to each side.
fn steepest(points: &[Point]) -> Option<f64> {
    let reach = (points.len() / 20).max(1);
    let smallest =
        (0..points.len()).min_by(|&a, &b| points[a].smooth.total_cmp(&points[b].smooth))?;
    let slope = |at: usize| points[at + reach].smooth - points[at - reach].smooth;
    let inside = reach..(smallest + 1).min(points.len().saturating_sub(reach));
    let steepest = inside.min_by(|&a, &b| slope(a).total_cmp(&slope(b)))?;
    (slope(steepest) < 0.0).then_some(points[steepest].lr)
}

impl Found {
    /// The losses over the rates, and where the suggestion stands.
    pub fn svg(&self) -> String {
        let line = |of: &dyn Fn(&Point) -> f64| self.points.iter().map(|p| (p.lr, of(p))).collect();
        let first = self.points.first().map_or(1.0, |point| point.lr);
        let last = self.points.last().map_or(1.0, |point| point.lr);
        let most = self.points.iter().map(|p| p.smooth).fold(0.0, f64::max);
        let shown = |p: &Point| p.loss.min(1.5 * most);
        let least = self.points.iter().map(|p| p.smooth.min(shown(p))).fold(most, f64::min);
        let at = self.suggestion.map(|lr| vec![(lr, least), (lr, most)]).unwrap_or_default();
        let lines = vec![
            Line { name: "loss", color: "#bbccdd", points: line(&shown) },
            Line { name: "smoothed", color: "#4477aa", points: line(&|p| p.smooth) },
            Line { name: "steepest", color: "#228833", points: at },
        ];
        chart(&[("loss over the learning rate", lines)], Axis::Powers(first, last.max(2.0 * first)))
    }
}
