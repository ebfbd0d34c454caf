//! How a training fails.

use super::CheckpointError;
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
        /// The checkpoint to go on from, and the steps behind it.
        last: PathBuf,
        stands: u64,
        /// What was computed in, and what the loss was multiplied by, if it was.
        precision: Precision,
        scale: Option<f64>,
    },
}

impl std::fmt::Display for TrainError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TrainError::Data(message) | TrainError::Exec(message) => f.write_str(message),
            TrainError::Checkpoint(error) => error.fmt(f),
            TrainError::Io(error) => write!(f, "the run folder can not be written: {error}"),
            TrainError::NonFinite { step, what, first, last, stands, precision, scale } => {
                write!(f, "{what} at step {step}")?;
                if let Some(scale) = scale {
                    write!(f, ", at a loss scale of {scale}")?;
                }
                if let Some(first) = first {
                    write!(f, ": {first}")?;
                }
                write!(
                    f,
                    "\n  help: {} holds the last good state, that of step {stands}; go on from it \
                     with a smaller learning rate: `--resume` and `--set recipe.optimizer.lr=…`",
                    last.display()
                )?;
                if *precision == Precision::F16 {
                    let help = "or in bf16, whose numbers reach as far as fp32's: \
                                `--set recipe.precision=bf16`";
                    write!(f, ", {help}")?;
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
