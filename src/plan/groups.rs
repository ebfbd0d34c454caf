//! How many images run together on a thread, and on how many threads.

use super::Plan;

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

/// How many images of a batch each of so many threads runs together at most, of those that have any: a
/// group, but where every thread has one only, the last one what is left.
pub fn lanes(plan: &Plan, batch: usize, threads: usize) -> impl ExactSizeIterator<Item = usize> {
    let group = group(plan, batch);
    let groups = batch.div_ceil(group);
    let used = threads.min(groups);
    (0..used).map(move |lane| match used == groups {
        true => group.min(batch - lane * group),
        false => group,
    })
}
