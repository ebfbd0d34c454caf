//! How much memory a model needs to train and to run, known before it does.

#[cfg(feature = "cuda")]
use super::cuda::{
    cublaslt::WORKSPACE,
    tape::Pointer,
    walk::{End, Weights, finish, walk},
};
use super::{ahead, cpu};
use crate::graph::{Graph, Precision, Type};
#[cfg(feature = "cuda")]
use crate::passes::{self, Keep};
use crate::passes::{Method, Processor};
use crate::plan::Plan;

/// Where a model is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// On the compiled executor, whose groups of images run on this many threads.
    Cpu { threads: usize },
    /// On a GPU, a whole batch at once.
    #[cfg(feature = "cuda")]
    Cuda(Precision),
}

/// What is done with a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    Training,
    Inference,
}

/// What a model needs on one target.
#[derive(Debug, Clone)]
pub struct Footprint {
    target: Target,
    #[cfg_attr(not(feature = "cuda"), allow(dead_code))]
    parts: usize,
    /// Of the method; a GPU has its own.
    precision: Precision,
    training: Plan,
    evaluation: Plan,
}

/// More images than any batch has.
const MOST: usize = 1 << 24;

impl Footprint {
    /// Of a model that is trained by a method.
    pub fn new(model: &Graph, method: Method, target: Target) -> Footprint {
        let (parts, precision) = (method.parts.max(1), method.precision);
        let (training, evaluation) = match target {
            Target::Cpu { .. } => {
                (Plan::training_by(model, method, Processor::Cpu), Plan::evaluation(model))
            }
            #[cfg(feature = "cuda")]
            Target::Cuda(precision) => {
                let method = Method { precision, ..method };
                let evaluation = passes::evaluation(model, Keep::Output);
                (
                    Plan::training_by(model, method, Processor::Gpu),
                    Plan::together(evaluation, Keep::Output, precision),
                )
            }
        };
        Footprint { target, parts, precision, training, evaluation }
    }

    /// The peak in bytes with batches of this many images: parameters (in training with gradients
    /// and what the optimizer keeps), what the plan holds, what kernels are lent, the images of one batch. What a
    /// process needs for itself, images that are read ahead or held, and a driver's own memory come on top.
    pub fn bytes(&self, work: Work, batch: usize) -> u64 {
        match self.target {
            Target::Cpu { threads } => {
                let plan = match work {
                    Work::Training => &self.training,
                    Work::Inference => &self.evaluation,
                };
                let plans = [plan, &self.evaluation];
                let memory = cpu::memory(plans, batch, threads, self.precision);
                memory.peak + batch as u64 * outside(plan)
            }
            #[cfg(feature = "cuda")]
            Target::Cuda(precision) => self.cuda(work, batch, precision),
        }
    }

    #[cfg(feature = "cuda")]
    fn cuda(&self, work: Work, batch: usize, precision: Precision) -> u64 {
        let arena = |plan: &Plan, images: usize, weights: &Weights, end: End| {
            walk(plan, images, precision, weights, Pointer::NULL, end).0.bytes
        };
        let weights =
            |plan: &Plan, parts: usize| Weights::new(&plan.graph, precision, parts, Pointer::NULL);
        let Footprint { training, evaluation, parts, .. } = self;
        let needed = match (work, training.graph.update()) {
            (Work::Training, Some(update)) => {
                let weights = weights(training, *parts);
                let (end, finish) = match parts {
                    1 => (End::Move, 0),
                    _ => {
                        let (ending, _) = finish(*update, precision, &weights, Pointer::NULL);
                        (End::Add { whole: batch, first: true }, ending.bytes)
                    }
                };
                // One arena for both.
                let images = batch.div_ceil(*parts);
                let trains = arena(training, images, &weights, end);
                let evaluates = arena(evaluation, images, &weights, End::Stay);
                weights.bytes + trains.max(evaluates) + finish
            }
            _ => {
                let weights = weights(evaluation, 1);
                weights.bytes + arena(evaluation, batch, &weights, End::Stay)
            }
        };
        (needed + WORKSPACE) as u64
    }

    /// The peak of a process that reads its images with this many workers, of the memory that its model
    /// runs in. On a CPU that is all it takes: what is read ahead too, and the program itself.
    pub fn process(&self, work: Work, batch: usize, workers: usize) -> u64 {
        let program = if self.is_here() { PROGRAM } else { 0 };
        self.bytes(work, batch) + self.ahead(batch, workers) + program
    }

    /// What images take in that memory that so many workers make ready, besides the batch at hand.
    pub fn ahead(&self, batch: usize, workers: usize) -> u64 {
        let images = if self.is_here() { ahead::images(batch, workers) } else { 0 };
        4 * self.training.graph.image_numbers() as u64 * images as u64
    }

    /// Whether the model runs in the memory of this machine.
    fn is_here(&self) -> bool {
        matches!(self.target, Target::Cpu { .. })
    }
}

/// What the program takes for itself, its pages among them: measured, 14 to 17 MiB of trainings and
/// evaluations (docs/performance.md).
const PROGRAM: u64 = 15 << 20;

/// The largest batch whose `bytes` are within a limit; none if those of one image are not.
pub fn largest(limit: u64, bytes: impl Fn(usize) -> u64) -> Option<usize> {
    let fits = |batch: usize| bytes(batch) <= limit;
    if !fits(1) {
        return None;
    }
    let (mut low, mut high) = (1, MOST + 1);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        match fits(middle) {
            true => low = middle,
            false => high = middle,
        }
    }
    Some(low)
}

/// Bytes of one image, its label and its logits, which the caller holds.
fn outside(plan: &Plan) -> u64 {
    let numbers = |ty: &Type| ty.elements();
    let graph = &plan.graph;
    4 * (numbers(&graph.nodes[0].ty) + 1 + numbers(&graph.node(graph.output).ty))
}
