//! Executors: a graph and parameters in, logits, loss and gradients out.
//!
//! Parameters enter and leave every executor as the same plain `f32` vectors in graph order, so a
//! checkpoint does not know which executor wrote it.

mod adamw;
pub mod cpu;
pub mod drop_path;
pub mod init;
#[cfg(feature = "train")]
pub mod published;
pub mod random;
#[cfg(feature = "train")]
pub mod reference;
#[cfg(feature = "train")]
pub mod verify;

pub use adamw::{AdamW, AdamWConfig};

/// One vector per parameter of the graph, in graph order.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters(pub Vec<Vec<f32>>);

/// Images in NHWC, normalized, and their labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// `[B, H, W, 3]`
    pub images: Vec<f32>,
    /// `[B]`
    pub labels: Vec<u32>,
}

/// What a training pass yields.
#[derive(Debug, Clone)]
pub struct Gradients {
    /// Mean cross entropy over the batch.
    pub loss: f64,
    /// `[B, classes]`
    pub logits: Vec<f32>,
    /// Of the mean loss; same order and lengths as [`Parameters`].
    pub gradients: Parameters,
}

/// What keys the randomness inside a step (drop path).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepKey {
    pub seed: u64,
    /// Counted from 0 over the whole run.
    pub step: u64,
}

/// An executor failed: out of memory, a tensor library's error. The message names the op.
#[derive(Debug)]
pub struct ExecError(pub String);

impl std::fmt::Display for ExecError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for ExecError {}

/// Runs one graph.
pub trait Executor: Send + Sync {
    /// Forward in training mode, mean cross entropy, backward.
    fn gradients(
        &self,
        parameters: &Parameters,
        batch: &Batch,
        key: StepKey,
    ) -> Result<Gradients, ExecError>;

    /// Logits `[B, classes]` in evaluation mode.
    fn logits(&self, parameters: &Parameters, images: &[f32]) -> Result<Vec<f32>, ExecError>;
}
