//! The compiled executor on the CPU: the planned training step, run group by group.
//!
//! A group of images goes through the whole step, forward and backward, on one thread before that
//! thread takes the next: what it works on stays near its core. Gradients of the groups are added in
//! their order, so the bits do not depend on the number of threads.

mod backward;
mod finite;
mod forward;
pub mod kernels;
mod lane;
mod machine;
mod memory;
mod observe;
mod operands;
mod run;
mod schedule;
mod scratch;
mod sized;
mod weights;

use super::batch::whole_images;
use super::{
    Batch, Evaluator, ExecError, Gradients, Grouping, Optimizer, Parameters, Profile, Showing,
    Step, StepError, StepKey, Targets, Trainer, all_finite, not_finite,
};
use crate::graph::ops::CrossEntropy;
use crate::graph::{Graph, Precision};
use crate::passes::{self, Keep, Method, Processor};
use crate::plan::{self, Plan};
use kernels::narrow::narrow;
use lane::Lane;
use observe::Observer;
use run::Run;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use weights::Weights;

pub use finite::first_not_finite;
pub use machine::{in_registers, machine};
pub use memory::{Memory, memory, needs};
pub use observe::{observe, show};
pub use scratch::scratch;

/// A model compiled for this machine, with its parameters.
pub struct Compiled {
    evaluation: Plan,
    weights: Weights,
    /// The running mean as it is measured, between two steps.
    averaged: Option<Weights>,
    lanes: Vec<Lane>,
    /// Of the last batch as it is stored, where that is not in `f32`.
    images: Vec<f32>,
    /// Nothing where a model is only evaluated.
    training: Option<Training>,
}

struct Training {
    plan: Plan,
    loss: CrossEntropy,
    optimizer: Optimizer,
    /// Of the whole batch.
    gradients: Parameters,
}

/// The sums of gradients over groups, in a profile.
const SUMS: &str = "sums of gradients";

/// What a batch gives, beside its gradients.
struct Passed {
    /// The mean over the images.
    loss: f64,
    /// `[B, classes]`
    logits: Vec<f32>,
    /// Whether the loss and all gradients are.
    finite: bool,
}

impl Compiled {
    /// For evaluation in `f32`. `threads` of 0 means one.
    pub fn evaluator(model: &Graph, parameters: Parameters, threads: usize) -> Compiled {
        Compiled::evaluator_in(Precision::F32, model, parameters, threads)
    }

    /// For evaluation. Values and what products read are rounded to the precision, as a GPU stores
    /// them; values stay in 32 bits.
    pub fn evaluator_in(
        precision: Precision,
        model: &Graph,
        parameters: Parameters,
        threads: usize,
    ) -> Compiled {
        let evaluation = Plan::new(passes::evaluation(model, Keep::Output), Keep::Output);
        let weights = Weights::new(&evaluation.graph, parameters, precision, false);
        let (lanes, images) = (lanes(threads), Vec::new());
        Compiled { evaluation, weights, averaged: None, lanes, images, training: None }
    }

    /// For training, in the method's precision.
    pub fn trainer(
        model: &Graph,
        parameters: Parameters,
        optimizer: Optimizer,
        method: Method,
        threads: usize,
    ) -> Compiled {
        let plan = Plan::training_by(model, method, Processor::Cpu);
        let loss = method.loss;
        let evaluation = Plan::new(passes::evaluation(model, Keep::Output), Keep::Output);
        let gradients = parameters.zeros();
        let (lanes, images) = (lanes(threads), Vec::new());
        let weights = Weights::new(&plan.graph, parameters, method.precision, true);
        let training = Some(Training { plan, loss, optimizer, gradients });
        Compiled { evaluation, weights, averaged: None, lanes, images, training }
    }

    /// The memory of training with this batch, without evaluation, or of evaluation.
    pub fn memory(&self, batch: usize) -> Memory {
        let plan = self.training.as_ref().map_or(&self.evaluation, |training| &training.plan);
        memory([plan, plan], batch, self.lanes.len(), self.weights.precision)
    }

    /// The bytes that are held by now, but for the graphs.
    pub fn held(&self) -> u64 {
        let weights = self.averaged.iter().chain([&self.weights]).map(Weights::held).sum::<u64>();
        let trained = self.training.iter().map(|training| {
            let Training { optimizer: Optimizer { kept, average, .. }, gradients, .. } = training;
            kept.iter().chain(average).chain([gradients]).map(Parameters::bytes).sum::<u64>()
        });
        let lanes = self.lanes.iter().map(Lane::held).sum::<u64>();
        weights + trained.sum::<u64>() + lanes + 4 * self.images.capacity() as u64
    }

    /// Takes the time of every op from now on.
    pub fn profile(&mut self, by: Grouping) {
        self.lanes.iter_mut().for_each(|lane| lane.profile = Some(Profile::new(by)));
    }

    /// What was spent since the last call.
    pub fn take_profile(&mut self) -> Profile {
        let mut all = Profile::default();
        for profile in self.lanes.iter_mut().filter_map(|lane| lane.profile.as_mut()) {
            all.merge(profile.take());
        }
        all
    }

    /// Loss, logits and gradients at other parameters; nothing is updated.
    pub fn gradients(
        &mut self,
        parameters: &Parameters,
        batch: &Batch,
        key: StepKey,
    ) -> Result<Gradients, ExecError> {
        self.weights.load(parameters);
        let Passed { loss, logits, .. } = self.accumulate(batch, key)?;
        let training = self.training.as_ref().ok_or_else(no_training)?;
        let mut gradients = training.gradients.clone();
        let scale = training.optimizer.loss_scale();
        if scale != 1.0 {
            gradients.iter_mut().flatten().for_each(|g| *g /= scale);
        }
        Ok(Gradients { loss, logits, gradients })
    }

    /// Lets the running mean be measured, if there is one.
    fn average(&mut self) {
        if self.averaged.is_none()
            && let Some(Training { optimizer, .. }) = &self.training
            && let Some(average) = &optimizer.average
        {
            let (graph, average) = (&self.evaluation.graph, average.clone());
            self.averaged = Some(Weights::new(graph, average, self.weights.precision, false));
        }
    }

    /// Forward and backward of all groups; the gradients are added up in the order of the groups, and
    /// are those of the loss times its scale.
    fn accumulate(&mut self, batch: &Batch, key: StepKey) -> Result<Passed, ExecError> {
        let training = self.training.as_mut().ok_or_else(no_training)?;
        let graph = &training.plan.graph;
        let images = whole_images(graph, &batch.images)?;
        let classes = graph.classes();
        batch.check(images, classes, training.loss.mixed)?;
        let group = plan::group(&training.plan, images);
        let groups = images.div_ceil(group);
        reserve(&mut self.lanes, &training.plan, images);
        for lane in self.lanes.iter_mut().take(groups).filter(|lane| lane.gradients.is_empty()) {
            lane.gradients = training.gradients.zeros();
        }
        let (plan, weights) = (&training.plan, &self.weights);
        let targets = batch.targets();
        let pixels = stored(weights.precision, &batch.images, &mut self.images);
        let scale = training.optimizer.loss_scale();
        let run = |index| {
            let run = Run::of(plan, weights, pixels, targets, index * group, group, key);
            Run { scale, ..run }
        };
        let mut loss = 0.0;
        let mut logits = Vec::with_capacity(images * classes);
        let sums = &mut training.gradients;
        schedule::in_order(
            groups,
            &mut self.lanes,
            |index, lane| run(index).group(lane),
            |index, lane| {
                loss += lane.losses.iter().map(|&loss| f64::from(loss)).sum::<f64>();
                logits.extend_from_slice(run(index).logits(lane));
                if index == 0 {
                    std::mem::swap(sums, &mut lane.gradients);
                } else if index + 1 == groups {
                    lane.last = true;
                } else {
                    let start = Instant::now();
                    for (sum, gradient) in sums.iter_mut().zip(lane.gradients.iter()) {
                        kernels::elementwise::accumulate(gradient, sum);
                    }
                    let bytes = 3 * sums.bytes();
                    lane.spent(SUMS, start.elapsed(), bytes);
                }
            },
        );
        // Nothing else runs beside the last group's: all threads add them.
        let threads = self.lanes.len();
        let mut lanes = self.lanes.iter_mut();
        let last = lanes.find_map(|lane| std::mem::take(&mut lane.last).then_some(&lane.gradients));
        let last = last.into_iter().flat_map(|gradients| gradients.iter().map(Some));
        let parts = sums.iter_mut().zip(last.chain(std::iter::repeat(None))).collect();
        let finite = AtomicBool::new(loss.is_finite());
        let time = schedule::each(parts, threads, |(sum, gradient)| {
            if let Some(gradient) = gradient {
                kernels::elementwise::accumulate(gradient, sum);
            }
            finite.fetch_and(all_finite(sum), Ordering::Relaxed);
        });
        // They are read once more to be looked at, and of several groups written before.
        let bytes = if groups > 1 { 3 * sums.bytes() } else { sums.bytes() };
        self.lanes[0].spent(SUMS, time, bytes);
        Ok(Passed { loss: loss / images as f64, logits, finite: finite.into_inner() })
    }
}

impl Evaluator for Compiled {
    fn logits(&mut self, images: &[f32]) -> Result<Vec<f32>, ExecError> {
        self.average();
        let graph = &self.evaluation.graph;
        let images_count = whole_images(graph, images)?;
        let group = plan::group(&self.evaluation, images_count);
        reserve(&mut self.lanes, &self.evaluation, images_count);
        // Nothing is random in evaluation.
        let key = StepKey { seed: 0, step: 0 };
        let (plan, weights) = (&self.evaluation, self.averaged.as_ref().unwrap_or(&self.weights));
        let pixels = stored(weights.precision, images, &mut self.images);
        let run =
            |index| Run::of(plan, weights, pixels, Targets::default(), index * group, group, key);
        let mut logits = Vec::with_capacity(images_count * graph.classes());
        schedule::in_order(
            images_count.div_ceil(group),
            &mut self.lanes,
            |index, lane| run(index).group(lane),
            |index, lane| logits.extend_from_slice(run(index).logits(lane)),
        );
        Ok(logits)
    }
}

impl Trainer for Compiled {
    fn step(&mut self, batch: &Batch, lr: f64, key: StepKey) -> Result<Step, StepError> {
        let Passed { loss, logits, finite } = self.accumulate(batch, key)?;
        let Some(training) = &mut self.training else { return Err(no_training().into()) };
        let bad = || not_finite(&training.plan.graph, loss, &training.gradients);
        if let Some(what) = (!finite).then(bad).flatten() {
            if training.optimizer.skip() {
                let scaling = training.optimizer.scaling;
                return Ok(Step { loss, logits, taken: false, scaling });
            }
            return Err(StepError::NotFinite(what));
        }
        self.averaged = None;
        let scale = training.optimizer.scale(&training.gradients);
        let advance = training.optimizer.begin(lr, scale);
        let kept = training.optimizer.each();
        let parts = self.weights.parts().zip(training.gradients.iter_mut()).zip(kept).collect();
        let time = schedule::each(parts, self.lanes.len(), |((part, g), kept)| {
            advance.apply(part.value, g, kept);
            part.fill();
        });
        // Parameters and what is kept are read and written, gradients read, packed forms written.
        let kept = training.optimizer.kept.iter().chain(&training.optimizer.average);
        let own = self.weights.values.bytes();
        let moved = 2 * kept.map(Parameters::bytes).sum::<u64>() + training.gradients.bytes();
        self.lanes[0].spent("update", time, self.weights.held() + own + moved);
        Ok(Step { loss, logits, taken: true, scaling: training.optimizer.scaling })
    }

    fn state(&mut self) -> Result<(&Parameters, &Optimizer), ExecError> {
        let training = self.training.as_ref().ok_or_else(no_training)?;
        Ok((&self.weights.values, &training.optimizer))
    }

    /// In the precision of the training and the memory of its first thread.
    fn show<'a>(&'a mut self, watched: &Graph) -> Result<Showing<'a>, ExecError> {
        self.average();
        let observer = Observer::new(watched, false);
        let Compiled { weights, averaged, lanes, images: room, .. } = self;
        let weights = averaged.as_ref().unwrap_or(weights);
        let lane = lanes.first_mut().ok_or_else(no_training)?;
        Ok(Box::new(move |images| {
            let pixels = stored(weights.precision, images, room);
            observer.show(weights, lane, pixels, Targets::default())
        }))
    }
}

fn no_training() -> ExecError {
    ExecError("this model was compiled for evaluation".into())
}

/// Images as they are stored, in `room` if that is not in `f32`.
fn stored<'a>(precision: Precision, images: &'a [f32], room: &'a mut Vec<f32>) -> &'a [f32] {
    if precision == Precision::F32 {
        return images;
    }
    room.clear();
    room.extend_from_slice(images);
    narrow(precision, room);
    room
}

/// One for each thread, empty: what it works with it takes when it has images.
fn lanes(threads: usize) -> Vec<Lane> {
    (0..threads.max(1)).map(|_| Lane::default()).collect()
}

/// Room in those that have images of a batch to run.
fn reserve(lanes: &mut [Lane], plan: &Plan, images: usize) {
    for (needs, lane) in needs(plan, images, lanes.len()).zip(lanes) {
        lane.reserve(needs);
    }
}
