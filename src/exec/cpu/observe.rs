//! Everything the compiled executor shows of a model on one batch.

use super::lane::Lane;
use super::run::Run;
use super::scratch;
use super::weights::Weights;
use crate::exec::batch::whole_images;
use crate::exec::observe::{Observation, Seen};
use crate::exec::{Batch, ExecError, Parameters, Showing, StepKey, Targets};
use crate::graph::{Graph, Precision, Value};
use crate::passes::{self, Keep, Processor};
use crate::plan::Plan;

/// Runs `batch` in evaluation mode and `f32` as one group, and backward if it has labels.
pub fn observe(
    model: &Graph,
    parameters: &Parameters,
    batch: &Batch,
) -> Result<Observation, ExecError> {
    let training = !batch.labels.is_empty();
    let observer = Observer::new(model, training);
    let weights = observer.weights(parameters, training);
    let mut lane = match training {
        true => Lane::with(parameters.zeros()),
        false => Lane::default(),
    };
    if training {
        let graph = &observer.plan.graph;
        batch.check(whole_images(graph, &batch.images)?, graph.classes(), false)?;
    }
    let mut shown = observer.show(&weights, &mut lane, &batch.images, batch.targets())?;
    if training {
        let losses = lane.losses.iter().map(|&loss| f64::from(loss));
        let loss = losses.sum::<f64>() / lane.losses.len() as f64;
        shown.training = Some((loss, std::mem::take(&mut lane.gradients)));
    }
    Ok(shown)
}

/// The same of many batches without labels, one after the other.
pub fn show(watched: &Graph, parameters: &Parameters) -> Showing<'static> {
    let observer = Observer::new(watched, false);
    let (weights, mut lane) = (observer.weights(parameters, false), Lane::default());
    Box::new(move |images| observer.show(&weights, &mut lane, images, Targets::default()))
}

/// A model whose values with names are kept.
pub struct Observer {
    plan: Plan,
}

impl Observer {
    /// With its backward pass, if that is to be run too.
    pub fn new(watched: &Graph, backward: bool) -> Observer {
        let graph = passes::observation(watched, backward, Processor::Cpu);
        Observer { plan: Plan::new(graph, Keep::Taps) }
    }

    fn weights(&self, parameters: &Parameters, backward: bool) -> Weights {
        Weights::new(&self.plan.graph, parameters.clone(), Precision::F32, backward)
    }

    /// What images show as one group; a lane that has room for it is given no more.
    pub fn show(
        &self,
        weights: &Weights,
        lane: &mut Lane,
        pixels: &[f32],
        targets: Targets<'_>,
    ) -> Result<Observation, ExecError> {
        let Observer { plan } = self;
        let graph = &plan.graph;
        let images = whole_images(graph, pixels)?;
        lane.reserve([plan.arena * images, scratch(plan, images)]);
        let key = StepKey { seed: 0, step: 0 };
        let run = Run::of(plan, weights, pixels, targets, 0, images, key);
        run.group(lane);
        let arena = lane.arena(images);
        let seen = |value: Value| {
            // SAFETY: nothing runs.
            let words = unsafe { arena.read(plan.place(value)?) };
            Seen::of(graph, value, images, words)
        };
        let taps = graph.taps.iter();
        let taps = taps.filter_map(|tap| Some((tap.published.to_string(), seen(tap.value)?)));
        let taps = taps.collect();
        Ok(Observation { taps, logits: run.logits(lane).to_vec(), training: None })
    }
}
