//! What every step leaves, so that the first one that differs can be named.

use crate::exec::{
    Batch, Evaluator, ExecError, Optimizer, Parameters, Scaling, Showing, Step, StepError, StepKey,
    Trainer, View,
};
use crate::graph::Graph;
use crate::train::checkpoint::AVERAGE;
use blake3::Hash;
use std::collections::BTreeMap;

/// Hashes of what one step showed and left.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Steps taken before it.
    pub step: u64,
    loss: u64,
    logits: Hash,
    scaling: Option<Scaling>,
    /// Of the parameters, then of what the optimizer keeps of each, by its name.
    tensors: Vec<(&'static str, Vec<Hash>)>,
}

/// Where two trainings part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// From 1; none if every step was equal, and only what was written differs.
    pub step: Option<u64>,
    /// The first tensor that differs, or what else does.
    pub what: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.step {
            Some(step) => write!(f, "{} from step {step} on", self.what),
            None => write!(f, "{}, after equal steps", self.what),
        }
    }
}

/// The first step of `other` that is not what the same step was before.
pub fn first_difference(straight: &[Mark], other: &[Mark], names: &[String]) -> Option<Difference> {
    let known: BTreeMap<u64, &Mark> = straight.iter().map(|mark| (mark.step, mark)).collect();
    let differ = |mark: &&Mark| known.get(&mark.step) != Some(mark);
    let mark = other.iter().filter(differ).min_by_key(|mark| mark.step)?;
    let step = Some(mark.step + 1);
    let Some(known) = known.get(&mark.step) else {
        return Some(Difference { step, what: "a step that was not there".into() });
    };
    let bad = known.tensors.iter().zip(&mark.tensors).find_map(|((part, there), (_, here))| {
        let at = there.iter().zip(here).position(|(there, here)| there != here)?;
        let name = names.get(at).map_or("?", String::as_str);
        Some(if part.is_empty() { format!("`{name}`") } else { format!("`{part}` of `{name}`") })
    });
    let shown = match (known.loss == mark.loss, known.logits == mark.logits) {
        (false, _) => "the loss",
        (_, false) => "the logits",
        _ => "the loss scale",
    };
    Some(Difference { step, what: bad.unwrap_or_else(|| shown.to_string()) })
}

/// A trainer that is watched.
pub struct Watched<'a> {
    pub inner: &'a mut dyn Trainer,
    pub marks: Vec<Mark>,
}

impl Evaluator for Watched<'_> {
    fn logits(&mut self, images: &[f32]) -> Result<Vec<f32>, ExecError> {
        self.inner.logits(images)
    }

    fn logits_of(&mut self, views: &[View]) -> Result<Vec<f32>, ExecError> {
        self.inner.logits_of(views)
    }
}

impl Trainer for Watched<'_> {
    fn step(&mut self, batch: &Batch, lr: f64, key: StepKey) -> Result<Step, StepError> {
        let result = self.inner.step(batch, lr, key)?;
        let (parameters, optimizer) = self.inner.state()?;
        let hashes = |of: &Parameters| of.iter().map(hash).collect();
        let kept = optimizer.update.rule.kept().iter().copied().zip(&optimizer.kept);
        let average = optimizer.average.iter().map(|average| (AVERAGE, average));
        let parts = std::iter::once(("", parameters)).chain(kept).chain(average);
        self.marks.push(Mark {
            step: key.step,
            loss: result.loss.to_bits(),
            logits: hash(&result.logits),
            scaling: result.scaling,
            tensors: parts.map(|(part, of)| (part, hashes(of))).collect(),
        });
        Ok(result)
    }

    fn state(&mut self) -> Result<(&Parameters, &Optimizer), ExecError> {
        self.inner.state()
    }

    fn show<'a>(&'a mut self, watched: &Graph) -> Result<Showing<'a>, ExecError> {
        self.inner.show(watched)
    }
}

fn hash(values: &[f32]) -> Hash {
    blake3::hash(bytemuck::cast_slice(values))
}
