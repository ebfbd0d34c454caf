//! A model with its parameters, run by the reference executor.

use super::{Reference, observe};
use crate::exec::{
    Batch, Evaluator, ExecError, Optimizer, Parameters, Showing, Step, StepError, StepKey, Trainer,
    not_finite,
};
use crate::graph::Graph;
use std::time::Instant;

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
    pub optimizer: Optimizer,
}

impl Evaluator for ReferenceTrainer {
    fn logits(&mut self, images: &[f32]) -> Result<Vec<f32>, ExecError> {
        self.reference.logits(self.measured(), images)
    }
}

impl ReferenceTrainer {
    fn measured(&self) -> &Parameters {
        self.optimizer.average.as_ref().unwrap_or(&self.parameters)
    }
}

impl Trainer for ReferenceTrainer {
    fn step(&mut self, batch: &Batch, lr: f64, key: StepKey) -> Result<Step, StepError> {
        let mut found = self.reference.gradients(&self.parameters, batch, key)?;
        if let Some(what) = not_finite(self.reference.graph(), found.loss, &found.gradients) {
            return Err(StepError::NotFinite(what));
        }
        let start = Instant::now();
        self.optimizer.step(&mut self.parameters, &mut found.gradients, lr);
        self.reference.spent("update", start.elapsed());
        let scaling = self.optimizer.scaling;
        Ok(Step { loss: found.loss, logits: found.logits, taken: true, scaling })
    }

    fn state(&mut self) -> Result<(&Parameters, &Optimizer), ExecError> {
        Ok((&self.parameters, &self.optimizer))
    }

    fn show<'a>(&'a mut self, watched: &Graph) -> Result<Showing<'a>, ExecError> {
        let (watched, parameters) = (watched.clone(), self.measured());
        Ok(Box::new(move |images| {
            let batch = Batch { images: images.to_vec(), ..Batch::default() };
            observe(&watched, parameters, &batch)
        }))
    }
}
