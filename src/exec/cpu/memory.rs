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
        let copies = update.rule.kept().len() + 1 + plan::lanes(plan, batch, threads);
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
    let mut both = plans.map(|plan| {
        let group = plan::group(plan, batch);
        (plan::lanes(plan, batch, threads), [plan.arena * group, scratch(plan, group)])
    });
    both.sort_unstable();
    let [(few, of_few), (many, of_many)] = both;
    let of_both = [0, 1].map(|part| of_few[part].max(of_many[part]));
    let floats = |lanes: usize, parts: [usize; 2]| lanes * (parts[0] + parts[1]);
    4 * (floats(few, of_both) + floats(many - few, of_many)) as u64
}
