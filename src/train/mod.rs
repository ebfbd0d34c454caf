//! Training: schedule, checkpoints, the run folder and the loop.
//!
//! A run is a folder: what was trained (`model.clue`, `graph.txt`), how it went (`metrics.jsonl`,
//! the same as `metrics.csv` and for TensorBoard, `curves.svg`), and where it stands (`last.safetensors`, `best.safetensors`).

mod chart;
mod checkpoint;
mod confusion;
mod curves;
mod error;
mod evaluate;
mod events;
mod fit;
mod matrix;
mod metrics;
mod mirrors;
mod progress;
mod range;
pub mod rehearsal;
mod run;
mod schedule;
mod state;
mod window;

pub use checkpoint::{Checkpoint, CheckpointError, Earlier, FORMAT, Meta, Scale, Tensors, save};
pub use confusion::{Confusion, Mistake, Mistakes};
pub use curves::{clusters, curves};
pub use error::TrainError;
pub use evaluate::{Evaluation, evaluate, rank};
pub use fit::{Batches, Fed, Fit, Outcome, Watch, Watched};
pub use metrics::{Held, Metrics, Record};
pub use mirrors::Mirrors;
pub use progress::{Progress, forget_peak, resident};
pub use range::{Found, Point, Range};
pub use run::{RunFolder, naming, replace, replace_by, unread};
pub use schedule::{Curve, Schedule};
pub use state::State;
pub use window::{Exact, Window};
