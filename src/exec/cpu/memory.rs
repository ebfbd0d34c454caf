//! What the compiled executor takes of memory, known before it runs.

use super::{scratch, weights};
use crate::graph::Precision;
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
    let update = plan.graph.update();
    let one = 4 * plan.graph.param_count();
    let averaged = u64::from(update.is_some_and(|update| update.average.is_some()));
    // Trained: themselves, what the optimizer keeps, the sum of gradients, and gradients of each
    // thread that has images; a running mean, and its copy when it is measured.
    let copies = match update {
        Some(update) => {
            let kept = update.rule.kept().len() as u64 + 2 * averaged;
            2 + kept + plan::lanes(plan, batch, threads) as u64
        }
        None => 1,
    };
    // The running mean is packed too.
    let [packed, transposed] = weights::packing(&plan.graph, update.is_some());
    let mut parameters = copies * one + packed * (1 + averaged) + transposed;
    let mut images = 0;
    if precision != Precision::F32 {
        // Parameters and their running mean once more as products read them, and the images.
        parameters += one * (1 + averaged);
        images = 4 * (batch * plan.graph.image_numbers()) as u64;
    }
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
