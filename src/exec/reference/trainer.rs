//! A model with its parameters, run by the reference executor.

use super::Reference;
use crate::exec::{
    AdamW, Batch, Evaluator, ExecError, Parameters, Step, StepError, StepKey, Trainer, clip_factor,
    not_finite,
};

pub struct ReferenceEvaluator {
    pub reference: Reference,
    pub parameters: Parameters,
}

impl Evaluator for ReferenceEvaluator {
    fn logits(&mut self, images: &[f32]) -> Result<Vec<f32>, ExecError> {
        self.reference.logits(&self.parameters, images)
    }
}

pub struct ReferenceTrainer {
    pub reference: Reference,
    pub parameters: Parameters,
    pub optimizer: AdamW,
    /// The largest norm of all gradients together.
    pub clip: Option<f64>,
}

impl Evaluator for ReferenceTrainer {
    fn logits(&mut self, images: &[f32]) -> Result<Vec<f32>, ExecError> {
        self.reference.logits(&self.parameters, images)
    }
}

impl Trainer for ReferenceTrainer {
    fn step(&mut self, batch: &Batch, lr: f64, key: StepKey) -> Result<Step, StepError> {
        let mut found = self.reference.gradients(&self.parameters, batch, key)?;
        if let Some(what) = not_finite(self.reference.graph(), found.loss, &found.gradients) {
            return Err(StepError::NotFinite(what));
        }
        let scale = self.clip.map_or(1.0, |clip| clip_factor(&found.gradients, clip));
        if scale < 1.0 {
            found.gradients.0.iter_mut().flatten().for_each(|g| *g *= scale);
        }
        self.optimizer.step(&mut self.parameters, &found.gradients, lr);
        Ok(Step { loss: found.loss, logits: found.logits })
    }

    fn state(&mut self) -> Result<(&Parameters, &AdamW), ExecError> {
        Ok((&self.parameters, &self.optimizer))
    }
}
