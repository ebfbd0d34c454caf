//! Training: schedule, checkpoints, the run folder and the loop.
//!
//! A run is a folder: what was trained (`model.clue`, `graph.txt`), how it went (`metrics.jsonl`,
//! `curves.svg`), and where it stands (`last.safetensors`, `best.safetensors`).

mod checkpoint;
mod curves;
mod error;
mod evaluate;
mod fit;
mod metrics;
mod progress;
mod run;
mod schedule;
mod state;
mod window;

pub use checkpoint::{Checkpoint, CheckpointError, FORMAT, Meta, Tensors, save};
pub use curves::curves;
pub use error::TrainError;
pub use evaluate::{Evaluation, evaluate, rank};
pub use fit::{Batches, Fit, Outcome};
pub use metrics::{Metrics, Record};
pub use progress::Progress;
pub use run::{RunFolder, replace};
pub use schedule::Schedule;
pub use state::State;
pub use window::{Exact, Window};
