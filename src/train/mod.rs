//! Optimizer, schedule, checkpoints and the loop.
