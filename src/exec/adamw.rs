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
        self.steps += 1;
        let AdamWConfig { beta1, beta2, eps, weight_decay } = self.config;
        let power = self.steps.min(i32::MAX as u64) as i32;
        let size = (lr / (1.0 - beta1.powi(power))) as f32;
        let root = (1.0 - beta2.powi(power)).sqrt() as f32;
        let (b1, b2, eps) = (beta1 as f32, beta2 as f32, eps as f32);
        for (i, p) in parameters.0.iter_mut().enumerate() {
            let keep = if self.decays[i] { (1.0 - lr * weight_decay) as f32 } else { 1.0 };
            let moments = self.m.0[i].iter_mut().zip(&mut self.v.0[i]);
            for ((p, g), (m, v)) in p.iter_mut().zip(&gradients.0[i]).zip(moments) {
                *p *= keep;
                *m += (1.0 - b1) * (g - *m);
                *v = b2 * *v + (1.0 - b2) * g * g;
                *p -= size * *m / (v.sqrt() / root + eps);
            }
        }
    }
}
