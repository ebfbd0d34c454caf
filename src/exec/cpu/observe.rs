//! Everything the compiled executor shows of a model on one batch.

use super::lane::Lane;
use super::run::Run;
use super::scratch;
use super::weights::Weights;
use crate::exec::batch::whole_images;
use crate::exec::observe::{Observation, Seen};
use crate::exec::{Batch, ExecError, Parameters, StepKey};
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
    let graph = passes::observation(model, training, Processor::Cpu);
    let plan = Plan::new(graph, Keep::Taps);
    let images = whole_images(&plan.graph, &batch.images)?;
    if training {
        batch.check(images, plan.graph.classes(), false)?;
    }
    let weights = Weights::new(&plan.graph, parameters.clone(), Precision::F32, training);
    let mut lane = Lane::with(parameters.zeros());
    lane.reserve(plan.arena * images, scratch(&plan, images));
    let key = StepKey { seed: 0, step: 0 };
    let run = Run::of(&plan, &weights, &batch.images, batch.targets(), 0, images, key);
    run.group(&mut lane);
    let graph = &plan.graph;
    let seen = |value: Value, lane: &mut Lane| {
        let arena = lane.arena(images);
        // SAFETY: nothing runs.
        let words = unsafe { arena.read(plan.place(value)?) };
        Seen::of(graph, value, images, words)
    };
    let taps = graph
        .taps
        .iter()
        .filter_map(|tap| Some((tap.published.to_string(), seen(tap.value, &mut lane)?)))
        .collect();
    let logits = run.logits(&mut lane).to_vec();
    let training = training.then(|| {
        let loss = lane.losses.iter().map(|&loss| f64::from(loss)).sum::<f64>() / images as f64;
        (loss, std::mem::take(&mut lane.gradients))
    });
    Ok(Observation { taps, logits, training })
}
