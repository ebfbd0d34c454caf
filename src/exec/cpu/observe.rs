//! Everything the compiled executor shows of a model on one batch.

use super::lane::Lane;
use super::run::Run;
use super::scratch;
use super::weights::Weights;
use crate::exec::batch::whole_images;
use crate::exec::observe::{Observation, Seen};
use crate::exec::{Batch, ExecError, Parameters, StepKey};
use crate::graph::{Choice, Graph, Precision, Type, Value, area};
use crate::passes::{self, Keep, Method, Processor};
use crate::plan::Plan;

/// Runs `batch` in evaluation mode and `f32` as one group, and backward if it has labels. Values with names
/// are kept, so fusions that would swallow one do not happen.
pub fn observe(
    model: &Graph,
    parameters: &Parameters,
    batch: &Batch,
) -> Result<Observation, ExecError> {
    let training = !batch.labels.is_empty();
    let graph = match training {
        true => passes::step(&passes::plain(model), Method::default(), Processor::Cpu, Keep::Taps),
        false => passes::evaluation(model, Keep::Taps),
    };
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
    let seen = |value: Value, lane: &mut Lane| -> Option<Seen> {
        let arena = lane.arena(images);
        let place = plan.place(value)?;
        // SAFETY: nothing runs.
        let data = unsafe { arena.read(place) };
        match graph.node(value).ty {
            Type::Tensor(ref dims) => {
                let shape = std::iter::once(images).chain(dims.iter().copied()).collect();
                Some(Seen::Tensor { shape, data: data.to_vec() })
            }
            Type::Assignment { map, grid, heads, choice: Choice::Hard } => {
                let index = by_head(bytemuck::cast_slice(data), images, heads);
                Some(Seen::Index { index, images, map, grid, windows: graph.windows(value) })
            }
            Type::Assignment { map, grid, heads, choice: Choice::Soft } => {
                let shares = data.chunks_exact(area(grid).max(1) as usize);
                let index = by_head(&shares.map(first_largest).collect::<Vec<_>>(), images, heads);
                Some(Seen::Index { index, images, map, grid, windows: graph.windows(value) })
            }
            Type::Index { map, grid } => {
                let index = bytemuck::cast_slice(data).to_vec();
                Some(Seen::Index { index, images, map, grid, windows: graph.windows(value) })
            }
            _ => None,
        }
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

/// `[B, N, heads]` as `[B, heads, N]`.
fn by_head(index: &[u32], images: usize, heads: usize) -> Vec<u32> {
    let of_image = index.len() / images.max(1);
    let by_image = index.chunks_exact(of_image.max(1));
    by_image
        .flat_map(|image| (0..heads).flat_map(|head| image[head..].iter().step_by(heads)))
        .copied()
        .collect()
}

/// Where the largest number of a row stands, the first of equal ones.
fn first_largest(row: &[f32]) -> u32 {
    let larger = |best: usize, at: usize| if row[at] > row[best] { at } else { best };
    (0..row.len()).reduce(larger).unwrap_or(0) as u32
}
