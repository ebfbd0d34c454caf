//! Stochastic gradient descent with momentum, as PyTorch's: weight decay is added to the gradient,
//! the momentum is a sum that forgets (not a mean), and the learning rate stands outside of it.

/// What a step does to every number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    lr: f32,
    momentum: f32,
    /// The gradient looks a step of momentum ahead (Nesterov, as Sutskever et al. 2013 write it).
    nesterov: bool,
    decay: f32,
}

impl Rates {
    pub fn new(momentum: f64, nesterov: bool, weight_decay: f64, lr: f64) -> Rates {
        Rates { lr: lr as f32, momentum: momentum as f32, nesterov, decay: weight_decay as f32 }
    }

    /// What changes from step to step, and how much of a parameter that decays is added to its
    /// gradient.
    pub fn words(self) -> [f32; 3] {
        [self.lr, self.decay, 0.0]
    }

    /// Moves a parameter along its gradient `g`; `sum` is its momentum, if there is any.
    pub fn apply(self, p: &mut [f32], g: &[f32], sum: Option<&mut [f32]>, decays: bool) {
        let decay = if decays { self.decay } else { 0.0 };
        pulp::Arch::new().dispatch(|| match sum {
            None => {
                for (p, g) in p.iter_mut().zip(g) {
                    *p -= self.lr * (g + decay * *p);
                }
            }
            Some(sum) => {
                for ((p, g), sum) in p.iter_mut().zip(g).zip(sum) {
                    let g = g + decay * *p;
                    *sum = self.momentum * *sum + g;
                    *p -= self.lr * if self.nesterov { g + self.momentum * *sum } else { *sum };
                }
            }
        });
    }
}
