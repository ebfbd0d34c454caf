//! The optimizer of a training: what it keeps of every parameter, and what a step does. The rule
//! itself stands in the graph of the training step ([`Update`]); here is what it means on the host.

mod adamw;
mod scaling;
mod sgd;

pub use scaling::Scaling;

use super::Parameters;
use crate::graph::ops::{Rule, Update};

/// A rule and what it keeps.
#[derive(Debug, Clone, PartialEq)]
pub struct Optimizer {
    pub update: Update,
    /// Which parameters decay.
    pub decays: Vec<bool>,
    /// As [`Rule::kept`] names them.
    pub kept: Vec<Parameters>,
    /// The running mean of the parameters, if the update keeps one.
    pub average: Option<Parameters>,
    /// Steps taken.
    pub steps: u64,
    /// Of the loss, if the update scales it.
    pub scaling: Option<Scaling>,
}

impl Optimizer {
    /// Before the first step.
    pub fn new(update: Update, decays: Vec<bool>, parameters: &Parameters) -> Optimizer {
        let kept = update.rule.kept().iter().map(|_| parameters.zeros()).collect();
        let average = update.average.map(|_| parameters.clone());
        let scaling = update.scaling.map(Scaling::new);
        Optimizer { update, decays, kept, average, steps: 0, scaling }
    }

    /// What the loss is multiplied by, and gradients with it.
    pub fn loss_scale(&self) -> f32 {
        self.scaling.map_or(1.0, |scaling| scaling.scale as f32)
    }

    /// Passes over a step whose gradients are not finite, with a smaller loss scale from now on; or
    /// does nothing, if there is none to be tried.
    pub fn skip(&mut self) -> bool {
        let next = self.update.scaling.zip(self.scaling);
        let next = next.and_then(|(rule, scaling)| scaling.retreat(rule));
        self.scaling = next.or(self.scaling);
        next.is_some()
    }

    /// One step along `gradients`, which are clipped if the update says so.
    pub fn step(&mut self, parameters: &mut Parameters, gradients: &mut Parameters, lr: f64) {
        let scale = self.scale(gradients);
        let step = self.begin(lr, scale);
        let values = parameters.iter_mut().zip(gradients.iter_mut());
        for ((p, g), kept) in values.zip(self.each()) {
            step.apply(p, g, kept);
        }
    }

    /// What gradients are multiplied by so that they are those of the loss itself and the norm of all
    /// together is what the update allows.
    pub fn scale(&self, gradients: &Parameters) -> f32 {
        let loss = self.loss_scale();
        self.update.clip.map_or(1.0, |clip| clip_factor(gradients, loss, clip)) / loss
    }

    /// Counts a step and gives what it does to every parameter, whose gradients it scales first.
    pub fn begin(&mut self, lr: f64, scale: f32) -> Move {
        self.steps += 1;
        let loss_scale = self.loss_scale();
        let scaling = self.update.scaling.zip(self.scaling);
        self.scaling = scaling.map(|(rule, scaling)| scaling.advance(rule));
        let rule = match self.update.rule {
            Rule::AdamW { beta1, beta2, eps, weight_decay } => {
                let settings = [beta1, beta2, eps, weight_decay];
                Rates::AdamW(adamw::Rates::new(settings, lr, self.steps))
            }
            Rule::Sgd { momentum, nesterov, weight_decay } => {
                Rates::Sgd(sgd::Rates::new(momentum, nesterov, weight_decay, lr))
            }
        };
        let replaced = self.update.average.map_or(0.0, |average| average.replaced(self.steps));
        Move { rule, scale, replaced: replaced as f32, loss_scale }
    }

    /// What is kept of each parameter.
    pub fn each(&mut self) -> Vec<Kept<'_>> {
        let decays = self.decays.iter();
        let mut all: Vec<Kept> =
            decays.map(|&decays| Kept { moments: Vec::new(), average: None, decays }).collect();
        for kept in &mut self.kept {
            for (of, values) in all.iter_mut().zip(kept.iter_mut()) {
                of.moments.push(values);
            }
        }
        if let Some(average) = &mut self.average {
            for (of, values) in all.iter_mut().zip(average.iter_mut()) {
                of.average = Some(values);
            }
        }
        all
    }
}

/// What is kept of one parameter.
#[derive(Debug)]
pub struct Kept<'a> {
    moments: Vec<&'a mut [f32]>,
    average: Option<&'a mut [f32]>,
    decays: bool,
}

/// One step, for every parameter the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Move {
    rule: Rates,
    scale: f32,
    /// How much of the running mean the parameters replace.
    replaced: f32,
    /// What the loss was multiplied by.
    loss_scale: f32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Rates {
    AdamW(adamw::Rates),
    Sgd(sgd::Rates),
}

impl Move {
    /// Moves a parameter along its gradient.
    pub fn apply(self, p: &mut [f32], g: &mut [f32], kept: Kept<'_>) {
        if self.scale != 1.0 {
            g.iter_mut().for_each(|g| *g *= self.scale);
        }
        let Kept { moments, average, decays } = kept;
        let mut moments = moments.into_iter();
        match (self.rule, moments.next(), moments.next()) {
            (Rates::AdamW(rates), Some(m), Some(v)) => rates.apply(p, g, m, v, decays),
            (Rates::Sgd(rates), sum, _) => rates.apply(p, g, sum, decays),
            (Rates::AdamW(_), ..) => unreachable!("AdamW keeps two moments"),
        }
        match average {
            None => {}
            Some(average) if self.replaced == 1.0 => average.copy_from_slice(p),
            Some(average) => pulp::Arch::new().dispatch(|| {
                for (mean, p) in average.iter_mut().zip(p) {
                    *mean += self.replaced * (*p - *mean);
                }
            }),
        }
    }

    /// What of it changes from step to step, as a device's kernel reads it.
    pub fn words(self) -> [f32; 5] {
        let [a, b, c] = match self.rule {
            Rates::AdamW(rates) => rates.words(),
            Rates::Sgd(rates) => rates.words(),
        };
        [a, b, c, self.replaced, self.loss_scale]
    }
}

/// What gradients of a loss times `scale` are multiplied by so that the norm of all together is at
/// most `clip` times that.
fn clip_factor(gradients: &Parameters, scale: f32, clip: f64) -> f32 {
    let squares = gradients.iter().flatten().map(|&g| f64::from(g) * f64::from(g));
    let norm = squares.sum::<f64>().sqrt() / f64::from(scale);
    if norm > clip { (clip / (norm + 1e-6)) as f32 } else { 1.0 }
}
