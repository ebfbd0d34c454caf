//! Everything a GPU shows of a model on one batch.

use super::device::Device;
use super::kernels::update::{SCALE, WORDS};
use super::tape::{Pointer, Precision};
use super::walk::{End, Weights, walk};
use crate::exec::batch::whole_images;
use crate::exec::observe::{Observation, Seen};
use crate::exec::{Batch, ExecError, Parameters};
use crate::graph::{Graph, Value};
use crate::passes::{self, Keep, Processor};
use crate::plan::Plan;
use std::sync::Arc;

/// Runs `batch` in evaluation mode and `f32`, and backward if it has labels.
pub fn observe(
    device: &Arc<Device>,
    model: &Graph,
    parameters: &Parameters,
    batch: &Batch,
) -> Result<Observation, ExecError> {
    let training = !batch.labels.is_empty();
    let graph = passes::observation(model, training, Processor::Gpu);
    let plan = Plan::together(graph, Keep::Taps, Precision::F32);
    let images = whole_images(&plan.graph, &batch.images)?;
    if training {
        batch.check(images, plan.graph.classes(), false)?;
    }
    let weights = |at| Weights::new(&plan.graph, Precision::F32, 1, at);
    let memory = device.memory(weights(Pointer::NULL).bytes)?;
    let weights = weights(memory.at());
    let walk = |at| walk(&plan, images, Precision::F32, &weights, at, End::Stay);
    let arena = device.memory(walk(Pointer::NULL).0.bytes)?;
    let (layout, tape) = walk(arena.at());
    let write = |at, bytes: &[u8]| {
        // SAFETY: the layouts have room for what they name.
        unsafe { device.write(at, bytes) }
    };
    let read = |at, count: usize| {
        let mut numbers = vec![0f32; count];
        // SAFETY: as above.
        unsafe { device.read(at, bytemuck::cast_slice_mut(&mut numbers)) }?;
        Ok::<_, ExecError>(numbers)
    };
    write(memory.at(), &vec![0; memory.bytes()])?;
    write(weights.parameters, bytemuck::cast_slice(&weights.spread(parameters)))?;
    // SAFETY: the tape was walked over these pieces, which live until the end.
    let recorded = unsafe { device.record(&tape, 1) }?;
    write(layout.images, bytemuck::cast_slice(&batch.images))?;
    if training {
        let mut step = [0f32; WORDS];
        step[SCALE] = 1.0;
        write(layout.step, bytemuck::cast_slice(&step))?;
        write(layout.targets.labels, bytemuck::cast_slice(&batch.labels))?;
    }
    device.replay(&recorded)?;
    let graph = &plan.graph;
    let words = |value: Value| {
        let place = plan.place(value).zip(layout.result(&plan, images, value, 0));
        place.map(|(place, at)| read(at, place.len * images)).transpose()
    };
    let mut taps = Vec::with_capacity(graph.taps.len());
    for tap in &graph.taps {
        let words = words(tap.value)?;
        let seen = words.and_then(|words| Seen::of(graph, tap.value, images, &words));
        taps.extend(seen.map(|seen| (tap.published.to_string(), seen)));
    }
    let training = match graph.loss {
        Some(loss) if training => {
            let losses = words(loss)?.unwrap_or_default();
            let losses = losses.iter().map(|&loss| f64::from(loss)).sum::<f64>();
            let gradients = read(weights.gradients, weights.numbers)?;
            Some((losses / images as f64, weights.gather(graph, &gradients)))
        }
        _ => None,
    };
    Ok(Observation { taps, logits: words(graph.output)?.unwrap_or_default(), training })
}
