//! Executors: a graph and parameters in, logits, loss and gradients out.
//!
//! Parameters enter and leave every executor as the same plain `f32` vectors in graph order, so a
//! checkpoint does not know which executor wrote it.

pub mod ahead;
mod available;
mod batch;
pub mod cpu;
#[cfg(feature = "cuda")]
pub mod cuda;
pub mod drop_path;
pub mod floats;
mod footprint;
pub mod init;
pub mod observe;
mod optimizer;
mod parameters;
mod profile;
#[cfg(feature = "train")]
pub mod published;
pub mod random;
#[cfg(feature = "train")]
pub mod reference;
#[cfg(feature = "train")]
pub mod verify;

pub use available::available;
pub use batch::{Batch, Held, Other, Targets, Use, View};
pub use footprint::{Footprint, Target, Work, largest};
use observe::Observation;
pub use optimizer::{Kept, Move, Optimizer, Scaling};
pub use parameters::Parameters;
pub use profile::{Grouping, Machine, Profile, Spent};

use crate::graph::Graph;

/// What a training pass yields.
#[derive(Debug, Clone)]
pub struct Gradients {
    /// The mean loss over the batch.
    pub loss: f64,
    /// `[B, classes]`
    pub logits: Vec<f32>,
    /// Of the mean loss; same order and lengths as [`Parameters`].
    pub gradients: Parameters,
}

/// What keys the randomness of a step (mixed images, drop path).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepKey {
    pub seed: u64,
    /// Counted from 0 over the whole run.
    pub step: u64,
}

/// An executor failed: out of memory, a tensor library's error. The message names the op.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecError(pub String);

impl std::fmt::Display for ExecError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for ExecError {}

/// What a step of training shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The mean loss over the batch.
    pub loss: f64,
    /// `[B, classes]`
    pub logits: Vec<f32>,
    /// False if gradients overflowed in half precision: then parameters and what the optimizer keeps
    /// are as they were, and only the loss scale has changed.
    pub taken: bool,
    /// Of the next step's loss, if it is scaled.
    pub scaling: Option<Scaling>,
}

/// Why a step was not taken; parameters and optimizer are as they were.
#[derive(Debug)]
pub enum StepError {
    /// A number is none: which.
    NotFinite(String),
    Exec(ExecError),
}

impl From<ExecError> for StepError {
    fn from(error: ExecError) -> StepError {
        StepError::Exec(error)
    }
}

impl std::fmt::Display for StepError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StepError::NotFinite(what) => f.write_str(what),
            StepError::Exec(error) => error.fmt(f),
        }
    }
}
impl std::error::Error for StepError {}

/// A model with its parameters.
pub trait Evaluator {
    /// Logits `[B, classes]` in evaluation mode.
    fn logits(&mut self, images: &[f32]) -> Result<Vec<f32>, ExecError>;

    /// How many bytes of images it could hold where it looks at them.
    fn room(&self) -> u64 {
        0
    }

    /// Takes all images of a data set: what they are for may be given as views from now on. To be
    /// asked only where there is room.
    fn hold(&mut self, _of: Use, _images: &Held) -> Result<(), ExecError> {
        Err(ExecError("this executor holds no images".into()))
    }

    /// The logits of views of what is held for evaluation.
    fn logits_of(&mut self, _views: &[View]) -> Result<Vec<f32>, ExecError> {
        Err(ExecError("this executor holds no images".into()))
    }
}

/// A model in training, with its parameters and what its optimizer keeps. It is evaluated at the
/// running mean of its parameters, if there is one.
pub trait Trainer: Evaluator {
    /// Forward in training mode, the mean loss, backward, update. Where the update scales the loss, a
    /// step whose gradients are not finite is passed over, as long as a smaller scale is left.
    fn step(&mut self, batch: &Batch, lr: f64, key: StepKey) -> Result<Step, StepError>;

    /// Parameters and optimizer as the last step left them.
    fn state(&mut self) -> Result<(&Parameters, &Optimizer), ExecError>;

    /// What lets one see the values that have names in `watched`, which is the model, at the parameters
    /// that are measured.
    fn show<'a>(&'a mut self, watched: &Graph) -> Result<Showing<'a>, ExecError>;
}

/// Shows a model on images `[B, H, W, 3]` in evaluation mode, all at once.
pub type Showing<'a> = Box<dyn FnMut(&[f32]) -> Result<Observation, ExecError> + 'a>;

/// What of what a step is given is not finite: a sentence without its end.
pub fn given_not_finite(graph: &Graph, parameters: &Parameters, images: &[f32]) -> Option<String> {
    if let Some(bad) = parameters.iter().position(|values| !all_finite(values)) {
        return Some(format!("the parameter `{}` holds the first", graph.params[bad].name));
    }
    let bad = images.chunks(graph.image_numbers()).position(|image| !all_finite(image))?;
    Some(format!("image {} of its batch holds the first", bad + 1))
}

/// Whether all numbers are; without a branch, so that whole vectors are looked at.
pub fn all_finite(numbers: &[f32]) -> bool {
    numbers.iter().fold(true, |all, x| all & x.is_finite())
}

/// What of a step's loss and gradients is not finite; of several gradients the one that the backward
/// pass came to first.
pub fn not_finite(graph: &Graph, loss: f64, gradients: &Parameters) -> Option<String> {
    if !loss.is_finite() {
        return Some(format!("the loss is {loss}"));
    }
    let bad = gradients.iter().rposition(|gradient| !all_finite(gradient))?;
    Some(format!("the gradient of `{}` is not finite", graph.params[bad].name))
}
