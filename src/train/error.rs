//! How a training fails.

use super::CheckpointError;
use crate::diag::typed;
use crate::graph::Precision;
use std::path::PathBuf;

#[derive(Debug)]
pub enum TrainError {
    Data(String),
    Exec(String),
    Checkpoint(CheckpointError),
    Io(std::io::Error),
    /// A loss or a tensor that is no number. The state before it is kept, never the one after.
    NonFinite {
        /// The step, from 1.
        step: u64,
        /// What is not finite: a sentence without its end.
        what: String,
        /// Where the first such number is, if it is in the forward pass: likewise.
        first: Option<String>,
        left: Box<Left>,
        /// What was computed in, and what the loss was multiplied by, if it was.
        precision: Precision,
        scale: Option<f64>,
    },
}

/// What there is to go on from where a number is none.
#[derive(Debug)]
pub enum Left {
    /// The last checkpoint, and the steps behind it. A step was taken since, and may be taken smaller.
    Last(PathBuf, u64),
    /// The last checkpoint leads into the same step again, whatever the learning rate; the other one
    /// is from before.
    Best { last: PathBuf, best: PathBuf, step: u64 },
    /// Nothing; the text of the run, if a step was taken with it that may be taken smaller.
    Nothing(Option<PathBuf>),
}

impl TrainError {
    /// Without what to do about it: of a training whose folder nobody can go on with.
    pub fn message(&self) -> String {
        let text = self.to_string();
        text.split_once("\n  help: ").map_or(text.clone(), |(message, _)| message.to_string())
    }
}

impl std::fmt::Display for Left {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let smaller = "with a smaller learning rate: `--resume` and `--set recipe.optimizer.lr=…`";
        match self {
            Left::Last(last, step) => write!(
                f,
                "{} holds the last good state, that of step {step}; go on from it {smaller}",
                last.display()
            ),
            Left::Best { last, best, step } => {
                let copy = [typed(best), typed(last)].join(" ");
                let (last, best) = (last.display(), best.display());
                write!(
                    f,
                    "from {last} the same step fails again; {best} stands before it, at step {step}: \
                     cp {copy}, and go on from that {smaller}"
                )
            }
            Left::Nothing(Some(text)) => write!(
                f,
                "there is no state to go on from; begin anew with a smaller learning rate: cluec train \
                 {} --set recipe.optimizer.lr=…",
                typed(text)
            ),
            Left::Nothing(None) => write!(
                f,
                "no step was taken yet, so that no learning rate is to blame: it is the images, the \
                 weights or a setting such as `layer_scale`"
            ),
        }
    }
}

impl std::fmt::Display for TrainError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TrainError::Data(message) | TrainError::Exec(message) => f.write_str(message),
            TrainError::Checkpoint(error) => error.fmt(f),
            TrainError::Io(error) => error.fmt(f),
            TrainError::NonFinite { step, what, first, left, precision, scale } => {
                write!(f, "{what} at step {step}")?;
                if let Some(scale) = scale {
                    write!(f, ", at a loss scale of {scale}")?;
                }
                if let Some(first) = first {
                    write!(f, ": {first}")?;
                }
                write!(f, "\n  help: {left}")?;
                if *precision == Precision::F16 {
                    let help =
                        "numbers of bf16 reach as far as fp32's: `--set recipe.precision=bf16`";
                    write!(f, "; {help}")?;
                }
                Ok(())
            }
        }
    }
}
impl std::error::Error for TrainError {}

impl From<std::io::Error> for TrainError {
    fn from(error: std::io::Error) -> TrainError {
        TrainError::Io(error)
    }
}
impl From<CheckpointError> for TrainError {
    fn from(error: CheckpointError) -> TrainError {
        TrainError::Checkpoint(error)
    }
}
