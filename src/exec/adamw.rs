//! AdamW (Loshchilov and Hutter 2019), in PyTorch's order of operations: the parameter decays by
//! `lr * weight_decay`, then moves by the bias-corrected moments.

use super::Parameters;

/// The settings of AdamW that hold for a whole training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWConfig {
    pub beta1: f64,
    pub beta2: f64,
    pub eps: f64,
    pub weight_decay: f64,
}

/// AdamW and its moments.
#[derive(Debug, Clone, PartialEq)]
pub struct AdamW {
    pub config: AdamWConfig,
    /// Which parameters decay.
    pub decays: Vec<bool>,
    /// First moments.
    pub m: Parameters,
    /// Second moments.
    pub v: Parameters,
    /// Steps taken.
    pub steps: u64,
}

impl AdamW {
    /// Fresh moments for these parameters.
    pub fn new(config: AdamWConfig, decays: Vec<bool>, parameters: &Parameters) -> AdamW {
        let zeros = Parameters(parameters.0.iter().map(|p| vec![0.0; p.len()]).collect());
        AdamW { config, decays, m: zeros.clone(), v: zeros, steps: 0 }
    }

    /// One step along `gradients`.
    pub fn step(&mut self, parameters: &mut Parameters, gradients: &Parameters, lr: f64) {
        let rates = self.begin(lr);
        let moments = self.m.0.iter_mut().zip(&mut self.v.0);
        let values = parameters.0.iter_mut().zip(&gradients.0);
        for (((p, g), (m, v)), &decays) in values.zip(moments).zip(&self.decays) {
            rates.apply(p, g, m, v, decays);
        }
    }

    /// Counts a step and gives what it does to every parameter.
    pub fn begin(&mut self, lr: f64) -> Rates {
        self.steps += 1;
        let AdamWConfig { beta1, beta2, eps, weight_decay } = self.config;
        let power = self.steps.min(i32::MAX as u64) as i32;
        Rates {
            size: (lr / (1.0 - beta1.powi(power))) as f32,
            root: (1.0 - beta2.powi(power)).sqrt() as f32,
            beta1: beta1 as f32,
            beta2: beta2 as f32,
            eps: eps as f32,
            keep: (1.0 - lr * weight_decay) as f32,
        }
    }
}

/// One step, for every parameter the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// The learning rate over the bias correction of the first moment.
    pub size: f32,
    /// The root of that of the second moment.
    pub root: f32,
    beta1: f32,
    beta2: f32,
    eps: f32,
    /// What is left of a parameter that decays.
    pub keep: f32,
}

impl Rates {
    /// Moves a parameter and its moments; one lane is like another, so vectors of any length give
    /// the same bits.
    pub fn apply(self, p: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32], decays: bool) {
        let keep = if decays { self.keep } else { 1.0 };
        pulp::Arch::new().dispatch(|| {
            for (((p, g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
                *p *= keep;
                *m += (1.0 - self.beta1) * (g - *m);
                *v = self.beta2 * *v + (1.0 - self.beta2) * g * g;
                *p -= self.size * *m / (v.sqrt() / self.root + self.eps);
            }
        });
    }
}
