//! What the compiled executor takes of memory, known before it runs.

use super::{scratch, weights};
use crate::exec::Parameters;
use crate::graph::{Param, Precision};
use crate::plan::{self, Plan};

/// Bytes of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Parameters, and in training their gradients, what the optimizer keeps, and packed forms.
    pub parameters: u64,
    /// Everything.
    pub peak: u64,
}

/// The memory of a plan on this many threads, which also run another: in training, the evaluation.
pub fn memory(
    [plan, other]: [&Plan; 2],
    batch: usize,
    threads: usize,
    precision: Precision,
) -> Memory {
    let graph = &plan.graph;
    let weights = |training| weights::bytes(graph, precision, training);
    let mut parameters = weights(graph.update().is_some());
    if let Some(update) = graph.update() {
        // What the optimizer keeps, the sum of gradients, and gradients of each thread that has
        // images.
        let copies = update.rule.kept().len() + 1 + plan::lanes(plan, batch, threads).len();
        let one = Parameters::bytes_of(graph.params.iter().map(Param::elements));
        parameters += copies as u64 * one;
        if update.average.is_some() {
            // The running mean, and what it is measured with.
            parameters += one + weights(false);
        }
    }
    // As they are stored.
    let images = match precision {
        Precision::F32 => 0,
        _ => 4 * batch as u64 * graph.image_numbers() as u64,
    };
    Memory { parameters, peak: parameters + lanes([plan, other], batch, threads) + images }
}

/// Bytes of arenas and scratch: a thread that runs both plans has the larger of each.
fn lanes(plans: [&Plan; 2], batch: usize, threads: usize) -> u64 {
    let mut most: Vec<[usize; 2]> = Vec::new();
    for plan in plans {
        for (lane, needs) in needs(plan, batch, threads).enumerate() {
            match most.get_mut(lane) {
                Some(most) => *most = [0, 1].map(|part| most[part].max(needs[part])),
                None => most.push(needs),
            }
        }
    }
    4 * most.iter().flatten().map(|&floats| floats as u64).sum::<u64>()
}

/// Floats of arena and scratch that each of so many threads works with, of those that have images.
pub fn needs(plan: &Plan, batch: usize, threads: usize) -> impl Iterator<Item = [usize; 2]> {
    let of = |images| [plan.arena * images, scratch(plan, images)];
    let images: Vec<usize> = plan::lanes(plan, batch, threads).collect();
    // They differ in the last one at most.
    let ends = images.first().zip(images.last()).map(|(&first, &last)| [of(first), of(last)]);
    let last = images.len().saturating_sub(1);
    ends.into_iter()
        .flat_map(move |[first, end]| std::iter::repeat_n(first, last).chain(std::iter::once(end)))
}
