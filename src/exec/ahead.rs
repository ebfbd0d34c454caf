//! How far ahead of a step images are made ready: what a loader does, and what a footprint counts.

/// Images that a worker makes at once, and hands over together.
pub const RUN: usize = 16;

/// Runs that lie ready for each worker, about two batches in all.
pub fn runs(batch: usize, workers: usize) -> usize {
    (2 * batch).div_ceil(RUN * workers.max(1))
}

/// Images that are in memory at most besides the batch at hand: those that lie ready, one run for each
/// worker that is being made and, where a batch is put together of several, one that is copied.
pub fn images(batch: usize, workers: usize) -> usize {
    let copied = if batch > RUN && workers > 0 { RUN } else { 0 };
    (runs(batch, workers) + 1) * workers * batch.min(RUN) + copied
}
