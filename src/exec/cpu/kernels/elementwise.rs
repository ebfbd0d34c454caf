//! Sums, residuals, means: one pass over memory.
