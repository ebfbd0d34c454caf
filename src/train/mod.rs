//! Training: schedule, checkpoints, the run folder and the loop.
//!
//! A run is a folder: what was trained (`model.clue`, `graph.txt`), how it went (`metrics.jsonl`,
//! `curves.svg`), and where it stands (`last.safetensors`, `best.safetensors`).

mod checkpoint;
mod curves;
mod evaluate;
mod fit;
mod metrics;
mod progress;
mod run;
mod schedule;

pub use checkpoint::{Checkpoint, CheckpointError, Meta};
pub use curves::curves;
pub use evaluate::{Evaluation, evaluate, rank};
pub use fit::{Batches, Fit, Outcome, State, TrainError};
pub use metrics::{Metrics, Record};
pub use progress::Progress;
pub use run::RunFolder;
pub use schedule::Schedule;
