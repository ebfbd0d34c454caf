//! AdamW (Loshchilov and Hutter 2019), in PyTorch's order of operations: the parameter decays by
//! `lr * weight_decay`, then moves by the bias-corrected moments.

/// What a step of AdamW does to every number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// The learning rate over the bias correction of the first moment.
    size: f32,
    /// The root of that of the second moment.
    root: f32,
    /// How much of the first moment a gradient replaces.
    first: f32,
    /// What is left of the second moment, and how much of it a gradient's square replaces.
    second: [f32; 2],
    eps: f32,
    /// What is left of a parameter that decays.
    keep: f32,
}

impl Rates {
    /// Of step `step`, counted from 1.
    pub fn new([beta1, beta2, eps, weight_decay]: [f64; 4], lr: f64, step: u64) -> Rates {
        let power = step.min(i32::MAX as u64) as i32;
        Rates {
            size: (lr / (1.0 - beta1.powi(power))) as f32,
            root: (1.0 - beta2.powi(power)).sqrt() as f32,
            // Rounded once, as the rest of a number near one is not the number near zero.
            first: (1.0 - beta1) as f32,
            second: [beta2, 1.0 - beta2].map(|x| x as f32),
            eps: eps as f32,
            keep: (1.0 - lr * weight_decay) as f32,
        }
    }

    /// What changes from step to step.
    pub fn words(self) -> [f32; 3] {
        [self.size, self.root, self.keep]
    }

    /// Moves a parameter along its gradient `g`, with its moments `m` and `v`; one lane is like
    /// another, so vectors of any length give the same bits.
    pub fn apply(self, p: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32], decays: bool) {
        let keep = if decays { self.keep } else { 1.0 };
        let [left, replaced] = self.second;
        pulp::Arch::new().dispatch(|| {
            for (((p, g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
                *p *= keep;
                *m += self.first * (g - *m);
                *v = left * *v + replaced * g * g;
                *p -= self.size * *m / (v.sqrt() / self.root + self.eps);
            }
        });
    }
}
