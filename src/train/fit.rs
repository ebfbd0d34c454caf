//! The training loop, readable from top to bottom.

use super::checkpoint::PARAMETERS;
use super::curves::curves;
use super::error::Left;
use super::evaluate::{Evaluation, evaluate};
use super::run::{naming, replace};
use super::window::Exact;
use super::{
    Checkpoint, Meta, Metrics, Mirrors, Progress, Record, RunFolder, Scale, Schedule, Tensors,
    TrainError, save,
};
use crate::data::Mix;
use crate::exec::{
    Batch, ExecError, Parameters, StepError, StepKey, Trainer, all_finite, cpu::first_not_finite,
    reference,
};
use crate::graph::{Graph, Precision};
use crate::passes::Method;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A batch, and how many of its images were broken.
pub struct Fed {
    pub batch: Batch,
    pub broken: u64,
}

/// Where batches come from; the same epoch gives the same batches whenever it is asked for.
pub trait Batches {
    fn per_epoch(&self) -> u64;

    /// The batches of an epoch (from 0), from batch `first` on.
    fn epoch(&self, epoch: u64, first: u64) -> Box<dyn Iterator<Item = Result<Fed, String>> + '_>;

    /// The same with the numbers of their images, also where `epoch` gives views of what a trainer holds.
    fn numbers(
        &self,
        epoch: u64,
        first: u64,
    ) -> Box<dyn Iterator<Item = Result<Fed, String>> + '_> {
        self.epoch(epoch, first)
    }
}

/// Looks into the model at every evaluation.
pub trait Watch {
    /// What is seen in test images, which come as some `[B, H, W, 3]`, under the parameters as they are
    /// measured. It changes nothing.
    fn watch(
        &self,
        trainer: &mut dyn Trainer,
        images: &mut dyn Iterator<Item = Result<Vec<f32>, String>>,
    ) -> Result<Watched, String>;
}

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Watched {
    /// Numbers for the metrics, by name.
    pub numbers: BTreeMap<String, f64>,
    /// What somebody should know, a sentence each.
    pub warnings: Vec<String>,
}

/// What is trained, and how.
pub struct Fit<'a> {
    pub train: &'a dyn Batches,
    pub test: &'a dyn Batches,
    pub watch: Option<&'a dyn Watch>,
    pub schedule: Schedule,
    /// How the images of a step are mixed.
    pub mix: Option<Mix>,
    pub epochs: u64,
    /// Ends the training early: steps of the whole run.
    pub max_steps: Option<u64>,
    pub folder: &'a RunFolder,
    pub graph: &'a Graph,
    pub method: Method,
    pub names: Vec<String>,
    pub shapes: Vec<Vec<usize>>,
    /// Set from outside (Ctrl-C): the run saves and ends.
    pub stop: &'a AtomicBool,
    pub quiet: bool,
}

/// How a training ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    Finished(Evaluation),
    /// Stopped from outside; `last` holds where.
    Interrupted,
}

/// Steps between two lines of the metrics.
const REPORT: u64 = 10;
/// Test images that are looked at closely.
const WATCHED: usize = 32;
/// Between two checkpoints within an epoch.
const SAVE: Duration = Duration::from_secs(300);

impl Fit<'_> {
    /// Trains on from where `trainer` and `meta` stand.
    pub fn run(&self, trainer: &mut dyn Trainer, meta: Meta) -> Result<Outcome, TrainError> {
        let metrics = Metrics::open(&self.folder.metrics(), meta.metrics_lines)?;
        self.run_with(metrics, trainer, meta)
    }

    /// The same of a run whose metrics are held.
    pub fn run_with(
        &self,
        metrics: Metrics,
        trainer: &mut dyn Trainer,
        meta: Meta,
    ) -> Result<Outcome, TrainError> {
        let per_epoch = self.train.per_epoch();
        let total = self.max_steps.unwrap_or(u64::MAX).min(self.epochs * per_epoch);
        let mut run = Run {
            metrics,
            mirrors: Mirrors::open(self.folder)?,
            progress: Progress::new(total, meta.step, self.quiet),
            saved: (Instant::now(), meta.step),
            warned: BTreeSet::new(),
            fit: self,
            per_epoch,
            total,
            trainer,
            meta,
        };
        let mut outcome = run.train();
        run.progress.finish();
        if run.meta.skipped > 0 && outcome.is_ok() {
            run.tell_skipped();
        }
        match &mut outcome {
            // What was learned up to here is kept if it can be; the first error is the one to tell.
            Err(TrainError::Data(_) | TrainError::Exec(_)) => drop(run.save(false)),
            // Not this state: every number follows from it and from the step, so that whoever goes on
            // from it comes to the same end.
            Err(TrainError::NonFinite { left, .. }) => **left = run.left(),
            _ => {}
        }
        outcome
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// A training under way.
struct Run<'a> {
    fit: &'a Fit<'a>,
    trainer: &'a mut dyn Trainer,
    meta: Meta,
    per_epoch: u64,
    /// Steps of the whole run.
    total: u64,
    metrics: Metrics,
    mirrors: Mirrors,
    progress: Progress,
    /// When, and after how many steps.
    saved: (Instant, u64),
    /// What was seen in the model is said once.
    warned: BTreeSet<String>,
}

impl Run<'_> {
    fn train(&mut self) -> Result<Outcome, TrainError> {
        // From its first moment on a run can be resumed.
        self.save(false)?;
        while self.meta.epoch < self.fit.epochs && self.has_more() {
            self.epoch()?;
            let evaluation = if self.fit.stopped() { None } else { self.evaluate()? };
            match evaluation {
                None => {
                    self.save(false)?;
                    return Ok(Outcome::Interrupted);
                }
                Some(evaluation) if !self.has_more() => return Ok(Outcome::Finished(evaluation)),
                Some(_) => {}
            }
        }
        // A run resumed after its end.
        let Some(evaluation) = self.measure()? else { return Ok(Outcome::Interrupted) };
        self.tell_overflow(&evaluation);
        Ok(Outcome::Finished(evaluation))
    }

    /// Steps to take, or an evaluation that was interrupted.
    fn has_more(&self) -> bool {
        self.meta.step < self.total || self.meta.evaluated < self.meta.step
    }

    /// The rest of the epoch, or of the steps, or up to where it is stopped.
    fn epoch(&mut self) -> Result<(), TrainError> {
        let (mut since, mut images) = (Instant::now(), 0);
        for batch in self.fit.train.epoch(self.meta.epoch, self.meta.batch) {
            if self.meta.step >= self.total {
                break;
            }
            let Fed { batch, broken } = batch.map_err(TrainError::Data)?;
            images += batch.labels.len() as u64;
            let lr = self.step(batch)?;
            self.meta.window.broken += broken;
            let Meta { step, batch, .. } = self.meta;
            self.progress.step(step);
            let ends = batch == self.per_epoch || step == self.total;
            if ends || step.is_multiple_of(REPORT) {
                let window = std::mem::take(&mut self.meta.window);
                let record = window.record(&self.meta, lr, images, since.elapsed());
                self.metrics.write(&record)?;
                self.mirrors.write(&record)?;
                self.progress.show(&record);
                (since, images) = (Instant::now(), 0);
            }
            if self.fit.stopped() {
                break;
            }
            if self.saved.0.elapsed() > SAVE {
                self.save(false)?;
            }
        }
        Ok(())
    }

    /// One step; gives its learning rate.
    fn step(&mut self, mut batch: Batch) -> Result<f64, TrainError> {
        let (fit, meta) = (self.fit, &mut self.meta);
        let key = StepKey { seed: meta.seed, step: meta.step };
        if let Some(mix) = &fit.mix {
            mix.apply(&mut batch, key);
        }
        let lr = fit.schedule.lr(meta.epoch, meta.batch, self.per_epoch, fit.epochs);
        // What the loss of this step is multiplied by: a step that overflows leaves another scale.
        let begins = fit.method.update.scaling.map(|rule| rule.start);
        let scale = meta.scaling.map(|Scale { scale: Exact(scale), .. }| scale).or(begins);
        let result = match self.trainer.step(&batch, lr, key) {
            Ok(result) => result,
            Err(StepError::Exec(error)) => return Err(exec(error)),
            Err(StepError::NotFinite(what)) => return Err(self.lost(batch, key, what, scale)),
        };
        // No loss scale cures what the forward pass gives.
        if !result.loss.is_finite() {
            return Err(self.lost(batch, key, format!("the loss is {}", result.loss), scale));
        }
        meta.step += 1;
        meta.batch += 1;
        meta.updates += u64::from(result.taken);
        meta.skipped += u64::from(!result.taken);
        let scaling = result.scaling.zip(fit.method.update.scaling);
        meta.scaling = scaling.map(|(scaling, rule)| Scale::of(scaling, rule));
        meta.window.add(&result, &batch.labels);
        if let (false, Some(Scale { scale: Exact(scale), .. })) = (result.taken, meta.scaling) {
            let step = meta.step;
            self.progress.line(&format!(
                "step {step} is skipped: gradients overflow in fp16; the loss scale is {scale} now"
            ));
        }
        Ok(lr)
    }

    /// The error of a step that gives a number that is none, with the first one: the parameters are
    /// still those of before the step.
    fn lost(
        &mut self,
        mut batch: Batch,
        key: StepKey,
        what: String,
        scale: Option<f64>,
    ) -> TrainError {
        let (fit, meta) = (self.fit, &self.meta);
        if !batch.views.is_empty()
            && let Some(fed) = fit.train.numbers(meta.epoch, meta.batch).next()
        {
            match fed {
                Ok(fed) => batch = fed.batch,
                Err(error) => return TrainError::Data(error),
            }
        }
        let parameters = match self.trainer.state() {
            Ok((parameters, _)) => parameters,
            Err(error) => return exec(error),
        };
        let (graph, by) = (fit.graph, scale.unwrap_or(1.0) as f32);
        let compiled = || first_not_finite(graph, fit.method, parameters, &batch, by, key);
        let first = match fit.method.precision {
            // Op by op as the model says them, where it is none of the loss or the backward pass.
            Precision::F32 => {
                match reference::first_not_finite(graph, parameters, &batch.images, key) {
                    Ok(None) => compiled(),
                    found => found,
                }
            }
            _ => compiled(),
        };
        let first = first.unwrap_or_else(|error| Some(error.to_string()));
        self.not_finite(1, what, first, scale)
    }

    /// The error of the step `ahead` of those done. What is left is said when the training ends.
    fn not_finite(
        &self,
        ahead: u64,
        what: String,
        first: Option<String>,
        scale: Option<f64>,
    ) -> TrainError {
        let (step, precision) = (self.meta.step + ahead, self.fit.method.precision);
        let left = Box::new(Left::Nothing(None));
        TrainError::NonFinite { step, what, first, left, precision, scale }
    }

    /// What there is to go on from after a number that is none. A checkpoint behind which no step was
    /// taken would only lead to it again.
    fn left(&self) -> Left {
        let (folder, done) = (self.fit.folder, self.meta.step);
        let (last, best, stands) = (folder.last(), folder.best(), self.saved.1);
        if stands < done && last.exists() {
            return Left::Last(last, stands);
        }
        match Checkpoint::load_weights(&best) {
            Ok(checkpoint) if checkpoint.meta.step < done => {
                Left::Best { last, best, step: checkpoint.meta.step }
            }
            _ => Left::Nothing((done > 0).then(|| folder.source())),
        }
    }

    /// At the end, how many steps taught nothing.
    fn tell_skipped(&self) {
        let Meta { skipped, step, scaling, .. } = self.meta;
        let now = match scaling {
            Some(Scale { scale: Exact(scale), .. }) => format!("; the loss scale is {scale}"),
            None => String::new(),
        };
        let message = "steps were skipped, because gradients overflowed in fp16";
        self.progress.line(&format!("{skipped} of {step} {message}{now}"));
    }

    fn tell_overflow(&self, evaluation: &Evaluation) {
        if let Some(overflow) = evaluation.overflow(self.fit.method.precision) {
            self.progress.line(&format!("warning: {overflow}"));
        }
    }

    /// Measures the test images at the end of an epoch (or of the steps) and saves; none if that is
    /// interrupted, and then the epoch still waits for it.
    fn evaluate(&mut self) -> Result<Option<Evaluation>, TrainError> {
        let Some(evaluation) = self.measure()? else { return Ok(None) };
        let watched = self.watch()?;
        let epoch = self.meta.epoch + 1;
        let record = Record {
            kind: "eval".into(),
            step: self.meta.step,
            epoch,
            loss: evaluation.loss,
            top1: evaluation.top1,
            top3: Some(evaluation.top3),
            lr: None,
            images_per_second: None,
            broken: evaluation.broken,
            overflowed: evaluation.overflowed,
            skipped: 0,
            loss_scale: None,
            clusters: watched.numbers,
        };
        self.metrics.write(&record)?;
        self.mirrors.write(&record)?;
        self.progress.line(&format!(
            "epoch {epoch} of {}: test loss {:.4}, top-1 {:.2} %, top-3 {:.2} %",
            self.fit.epochs,
            evaluation.loss,
            100.0 * evaluation.top1,
            100.0 * evaluation.top3
        ));
        self.tell_overflow(&evaluation);
        for warning in watched.warnings {
            if !self.warned.contains(&warning) {
                self.progress.line(&format!("warning: {warning}"));
                self.warned.insert(warning);
            }
        }
        let meta = &mut self.meta;
        if meta.batch == self.per_epoch {
            (meta.epoch, meta.batch) = (epoch, 0);
        }
        meta.evaluated = meta.step;
        let best = meta.best_top1.is_none_or(|best| evaluation.top1 > best.0);
        if best {
            meta.best_top1 = Some(Exact(evaluation.top1));
        }
        self.save(best)?;
        Ok(Some(evaluation))
    }

    /// None if it is stopped.
    fn measure(&mut self) -> Result<Option<Evaluation>, TrainError> {
        let batches = self.fit.test.epoch(0, 0).take_while(|_| !self.fit.stopped());
        let classes = self.meta.classes.len();
        let evaluation = evaluate(self.trainer, batches, classes).map_err(TrainError::Exec)?;
        if self.fit.stopped() {
            return Ok(None);
        }
        // Some images that overflow are told; where all do, nothing was measured.
        if !evaluation.loss.is_finite() {
            let what = format!("the test loss is {}", evaluation.loss);
            return Err(self.not_finite(0, what, None, None));
        }
        Ok(Some(evaluation))
    }

    /// Looks at the first test images.
    fn watch(&mut self) -> Result<Watched, TrainError> {
        let Some(watch) = self.fit.watch else { return Ok(Watched::default()) };
        let mut batches = self.fit.test.numbers(0, 0);
        let mut left = WATCHED * self.fit.graph.image_numbers();
        let mut images = std::iter::from_fn(|| {
            let batch = (left > 0).then(|| batches.next())??;
            Some(batch.map(|Fed { batch: Batch { mut images, .. }, .. }| {
                images.truncate(left);
                left -= images.len();
                images
            }))
        });
        watch.watch(&mut *self.trainer, &mut images).map_err(TrainError::Exec)
    }

    /// Saves the state, if it is one to go on from, and the curves.
    fn save(&mut self, best: bool) -> Result<(), TrainError> {
        let (fit, meta, last) = (self.fit, &mut self.meta, self.fit.folder.last());
        let (parameters, optimizer) = self.trainer.state().map_err(exec)?;
        let kept = optimizer.update.rule.kept().iter().copied().zip(&optimizer.kept).collect();
        let (names, shapes) = (&fit.names, &fit.shapes);
        let average = optimizer.average.as_ref();
        let tensors = Tensors { names, shapes, parameters, kept, average };
        let bad = tensors.parts().find_map(|(part, values)| {
            let name = bad_tensor(values, names)?;
            let whose = if part == PARAMETERS { "" } else { &format!("`{part}` of ") };
            Some(format!("{whose}`{name}` is not finite"))
        });
        if let Some(what) = bad {
            return Err(self.not_finite(0, what, None, None));
        }
        self.metrics.sync()?;
        meta.metrics_lines = self.metrics.lines;
        if best {
            save(&fit.folder.best(), meta, &tensors)?;
        }
        save(&last, meta, &tensors)?;
        self.saved = (Instant::now(), self.meta.step);
        let svg = curves(&Metrics::read(&fit.folder.metrics())?);
        let path = fit.folder.curves();
        replace(&path, |file| file.write_all(svg.as_bytes())).map_err(naming(&path))?;
        Ok(())
    }
}

fn exec(error: ExecError) -> TrainError {
    TrainError::Exec(error.to_string())
}

fn bad_tensor<'a>(tensors: &Parameters, names: &'a [String]) -> Option<&'a str> {
    let bad = tensors.iter().position(|tensor| !all_finite(tensor))?;
    Some(&names[bad])
}
