//! The training loop, readable from top to bottom.

use super::curves::curves;
use super::evaluate::{Evaluation, evaluate, rank};
use super::{Checkpoint, CheckpointError, Meta, Metrics, Progress, Record, RunFolder, Schedule};
use crate::exec::{AdamW, Batch, Executor, Parameters, StepKey};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Where batches come from; the same epoch gives the same batches whenever it is asked for.
pub trait Batches {
    fn per_epoch(&self) -> u64;

    /// The batches of an epoch (from 0), from batch `first` on.
    fn epoch(&self, epoch: u64, first: u64)
    -> Box<dyn Iterator<Item = Result<Batch, String>> + '_>;
}

/// What is trained, and how.
pub struct Fit<'a> {
    pub executor: &'a dyn Executor,
    pub train: &'a dyn Batches,
    pub test: &'a dyn Batches,
    pub schedule: Schedule,
    pub epochs: u64,
    /// Ends the training early.
    pub max_steps: Option<u64>,
    pub folder: &'a RunFolder,
    pub names: Vec<String>,
    pub shapes: Vec<Vec<usize>>,
    /// Set from outside (Ctrl-C): the run saves and ends.
    pub stop: &'a AtomicBool,
    pub quiet: bool,
}

/// Where a training stands.
#[derive(Debug, Clone)]
pub struct State {
    pub parameters: Parameters,
    pub optimizer: AdamW,
    pub meta: Meta,
}

/// How a training ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    Finished(Evaluation),
    /// Stopped from outside; `last` holds where.
    Interrupted,
}

#[derive(Debug)]
pub enum TrainError {
    Data(String),
    Exec(String),
    Checkpoint(CheckpointError),
    Io(std::io::Error),
    /// The loss is no number.
    NonFinite {
        step: u64,
        loss: f64,
    },
}

impl std::fmt::Display for TrainError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TrainError::Data(message) | TrainError::Exec(message) => f.write_str(message),
            TrainError::Checkpoint(error) => error.fmt(f),
            TrainError::Io(error) => write!(f, "the run folder can not be written: {error}"),
            TrainError::NonFinite { step, loss } => write!(
                f,
                "the loss is {loss} at step {step}; `last.safetensors` holds the state before. \
                 A smaller learning rate may help"
            ),
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

/// Steps between two lines of the metrics.
const REPORT: u64 = 10;
/// Between two checkpoints within an epoch.
const SAVE: Duration = Duration::from_secs(300);

/// Means since the last line of the metrics.
#[derive(Default)]
struct Window {
    loss: f64,
    right: u64,
    images: u64,
    steps: u64,
}

impl Fit<'_> {
    /// Trains from `state` on.
    pub fn run(&self, mut state: State) -> Result<Outcome, TrainError> {
        let per_epoch = self.train.per_epoch();
        let total = self.max_steps.unwrap_or(u64::MAX).min(self.epochs * per_epoch);
        let mut metrics = Metrics::open(&self.folder.metrics(), state.meta.step)?;
        let mut progress = Progress::new(total, state.meta.step, self.quiet);
        let mut saved = Instant::now();
        let mut latest = None;

        while state.meta.epoch < self.epochs && state.meta.step < total {
            let epoch = state.meta.epoch;
            let mut window = Window::default();
            let mut since = Instant::now();
            for batch in self.train.epoch(epoch, state.meta.batch) {
                let batch = batch.map_err(TrainError::Data)?;
                let lr = self.schedule.lr(epoch, state.meta.batch, per_epoch, self.epochs);
                self.step(&mut state, &batch, lr, &mut window)?;

                if state.meta.step.is_multiple_of(REPORT) || state.meta.step == total {
                    let record = window.record(&state.meta, lr, since.elapsed());
                    metrics.write(&record)?;
                    progress.step(state.meta.step, || line(&record));
                    window = Window::default();
                    since = Instant::now();
                }
                if self.stop.load(Ordering::Relaxed) {
                    self.save(&state, false)?;
                    progress.finish();
                    return Ok(Outcome::Interrupted);
                }
                if saved.elapsed() > SAVE {
                    self.save(&state, false)?;
                    saved = Instant::now();
                }
                if state.meta.step == total {
                    break;
                }
            }
            if state.meta.batch == per_epoch {
                state.meta.epoch += 1;
                state.meta.batch = 0;
            }
            let evaluation = self.evaluate(&state)?;
            metrics.write(&Record {
                kind: "eval".into(),
                step: state.meta.step,
                epoch: epoch + 1,
                loss: evaluation.loss,
                top1: evaluation.top1,
                top3: Some(evaluation.top3),
                lr: None,
                images_per_second: None,
            })?;
            progress.line(&format!(
                "epoch {} of {}: test loss {:.4}, top-1 {:.2} %, top-3 {:.2} %",
                epoch + 1,
                self.epochs,
                evaluation.loss,
                100.0 * evaluation.top1,
                100.0 * evaluation.top3
            ));
            let best = state.meta.best_top1.is_none_or(|best| evaluation.top1 > best);
            if best {
                state.meta.best_top1 = Some(evaluation.top1);
            }
            self.save(&state, best)?;
            saved = Instant::now();
            std::fs::write(self.folder.curves(), curves(&Metrics::read(&self.folder.metrics())?))?;
            latest = Some(evaluation);
        }
        progress.finish();
        let evaluation = match latest {
            Some(evaluation) => evaluation,
            // A run resumed after its end.
            None => self.evaluate(&state)?,
        };
        Ok(Outcome::Finished(evaluation))
    }

    fn step(
        &self,
        state: &mut State,
        batch: &Batch,
        lr: f64,
        window: &mut Window,
    ) -> Result<(), TrainError> {
        let key = StepKey { seed: state.meta.seed, step: state.meta.step };
        let result = self
            .executor
            .gradients(&state.parameters, batch, key)
            .map_err(|e| TrainError::Exec(e.to_string()))?;
        if !result.loss.is_finite() {
            self.save(state, false)?;
            return Err(TrainError::NonFinite { step: state.meta.step + 1, loss: result.loss });
        }
        state.optimizer.step(&mut state.parameters, &result.gradients, lr);
        state.meta.step += 1;
        state.meta.batch += 1;
        state.meta.adamw_steps = state.optimizer.steps;
        let classes = result.logits.len() / batch.labels.len().max(1);
        let rows = result.logits.chunks(classes.max(1)).zip(&batch.labels);
        window.right += rows.filter(|(row, label)| rank(row, **label) == 0).count() as u64;
        window.images += batch.labels.len() as u64;
        window.loss += result.loss;
        window.steps += 1;
        Ok(())
    }

    fn evaluate(&self, state: &State) -> Result<Evaluation, TrainError> {
        let classes = state.meta.classes.len();
        evaluate(self.executor, &state.parameters, self.test, classes).map_err(TrainError::Exec)
    }

    fn save(&self, state: &State, best: bool) -> Result<(), TrainError> {
        let checkpoint = Checkpoint {
            meta: state.meta.clone(),
            names: self.names.clone(),
            shapes: self.shapes.clone(),
            parameters: state.parameters.clone(),
            m: state.optimizer.m.clone(),
            v: state.optimizer.v.clone(),
        };
        if best {
            checkpoint.save(&self.folder.best())?;
        }
        checkpoint.save(&self.folder.last())?;
        Ok(())
    }
}

impl Window {
    fn record(&self, meta: &Meta, lr: f64, elapsed: Duration) -> Record {
        Record {
            kind: "train".into(),
            step: meta.step,
            epoch: meta.epoch + 1,
            loss: self.loss / self.steps.max(1) as f64,
            top1: self.right as f64 / self.images.max(1) as f64,
            top3: None,
            lr: Some(lr),
            images_per_second: Some(self.images as f64 / elapsed.as_secs_f64().max(1e-9)),
        }
    }
}

fn line(record: &Record) -> String {
    format!(
        "step {} epoch {} loss {:.4} top-1 {:.1} % lr {:.2e} {:.0} images/s",
        record.step,
        record.epoch,
        record.loss,
        100.0 * record.top1,
        record.lr.unwrap_or(0.0),
        record.images_per_second.unwrap_or(0.0)
    )
}
