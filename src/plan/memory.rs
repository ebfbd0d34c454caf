//! How much memory a run needs.

use super::Plan;

/// Bytes of one run on the CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Parameters, and in training their gradients, what the optimizer keeps, and packed forms.
    pub parameters: u64,
    /// What one image needs while its group runs.
    pub per_image: u64,
    /// Images that run together on one thread.
    pub group: usize,
    pub threads: usize,
    /// Everything.
    pub peak: u64,
}

/// What a group of images may take of the arena, in bytes.
const ARENA: usize = 96 << 20;
/// Images of a group, at most: enough that a weight gradient is written seldom.
pub const MOST: usize = 8;
/// Groups that a batch is cut into, at least: so many threads have work.
const GROUPS: usize = 4;
/// Groups of no more images than this are two at least: of fewer images, products on small maps
/// would be as long in reading weights and writing their gradients.
const FEW: usize = 4;

/// How many images run together, of a batch: part of what decides the bits of a gradient, so it
/// depends on the plan and the batch alone, never on the machine.
pub fn group(plan: &Plan, batch: usize) -> usize {
    let fits = ARENA / (4 * plan.arena).max(1);
    let shared = batch.div_ceil(GROUPS).max(batch.div_ceil(2).min(FEW));
    fits.min(shared).clamp(1, MOST)
}

/// Of a training step, or of evaluation if the graph has no loss.
pub fn memory(plan: &Plan, batch: usize, threads: usize, scratch: u64) -> Memory {
    let group = group(plan, batch);
    let one = 4 * plan.graph.param_count();
    // Trained: themselves, what the optimizer keeps, two packed forms, the sum of gradients, and
    // gradients of each thread. Evaluated: themselves and one packed form.
    let copies = match plan.graph.update() {
        Some(update) => {
            // A running mean, and when it is measured its copy and packed form.
            let average = if update.average.is_some() { 3 } else { 0 };
            4 + update.rule.kept().len() as u64 + average + threads as u64
        }
        None => 2,
    };
    let per_image = plan.bytes_per_image();
    let peak = copies * one + threads as u64 * (group as u64 * per_image + scratch);
    Memory { parameters: copies * one, per_image, group, threads, peak }
}
