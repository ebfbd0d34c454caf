//! One mode of one executor, measured on a synthetic batch.

use super::super::executor::Executor;
#[cfg(feature = "cuda")]
use super::super::executor::gpu;
use super::super::room::{Demand, Place, take};
use super::super::session::threads;
use super::{Args, Mode};
#[cfg(feature = "cuda")]
use crate::data::{CIFAR100, Pipeline};
use crate::exec::cpu::{self, Compiled};
#[cfg(feature = "cuda")]
use crate::exec::cuda;
use crate::exec::random::{Random, Site};
use crate::exec::reference::{Reference, ReferenceEvaluator, ReferenceTrainer};
use crate::exec::{
    Batch, Evaluator, ExecError, Machine, Optimizer, Parameters, Profile, StepError, StepKey,
    Trainer, Work, init,
};
#[cfg(feature = "cuda")]
use crate::exec::{Footprint, Held, Target, Use, View};
use crate::graph::{Graph, Precision};
use crate::passes::Method;
use crate::train::{forget_peak, resident};
use std::ops::Range;
use std::time::Instant;

/// What was seen.
pub struct Measured {
    pub mode: Mode,
    /// Images per second of every timed step, in ascending order.
    pub rates: Vec<f64>,
    /// What the plan says, and what the process has used at most; on a GPU, of its memory.
    pub planned: Option<u64>,
    pub peak: Option<u64>,
    pub profile: Option<(Profile, Machine)>,
}

pub fn measure(
    args: &Args,
    executor: Executor,
    graph: &Graph,
    method: Method,
    mode: Mode,
) -> Result<Measured, StepError> {
    // What was measured before, and how fast the machine is, took memory of its own.
    forget_peak();
    let place = place(args, executor, graph, method, mode)?;
    let batch = batch(graph, args.batch as usize)?;
    let case = Case { args, graph, method, mode, batch };
    let measured = match executor {
        Executor::Compiled(precision) => case.on_cpu(precision),
        Executor::Reference => case.by_reference(),
        #[cfg(feature = "cuda")]
        Executor::Cuda(precision) => case.on_gpu(precision, place.spare()),
    };
    drop(place);
    measured
}

struct Case<'a> {
    args: &'a Args,
    graph: &'a Graph,
    method: Method,
    mode: Mode,
    batch: Batch,
}

impl Case<'_> {
    fn on_cpu(&self, precision: Precision) -> Result<Measured, StepError> {
        let Case { args, graph, method, mode, batch } = self;
        let threads = threads(args.running.threads);
        let (before, read) = (resident("VmRSS"), resident("RssFile"));
        let parameters = init::initialize(graph, 0);
        let mut compiled = match mode {
            Mode::Train => {
                let optimizer = self.optimizer(&parameters);
                Compiled::trainer(graph, parameters, optimizer, *method, threads)
            }
            Mode::Infer => Compiled::evaluator_in(precision, graph, parameters, threads),
        };
        let planned = compiled.memory(batch.labels.len()).peak;
        let run = |compiled: &mut Compiled, steps| match mode {
            Mode::Train => self.train(compiled, batch, steps),
            Mode::Infer => self.infer(compiled, steps),
        };
        run(&mut compiled, WARM_UP)?;
        // Only now: in the first step the ops that first touch memory wait for it.
        if let Some(ops) = args.ops {
            compiled.profile(ops.grouping());
        }
        let rates = run(&mut compiled, self.steps())?;
        // Measuring the machine takes memory of its own.
        let peak = resident("VmHWM");
        let profile = args.ops.map(|_| (compiled.take_profile(), cpu::machine(precision)));
        // The program itself comes into memory as it is run: that is no part of a plan.
        let code = resident("RssFile").zip(read).map_or(0, |(now, then)| now.saturating_sub(then));
        let planned = before.map(|before| before + planned + code);
        Ok(Measured { mode: *mode, rates, planned, peak, profile })
    }

    fn by_reference(&self) -> Result<Measured, StepError> {
        let Case { args, graph, method, mode, batch } = self;
        let threads = threads(args.running.threads);
        let parameters = init::initialize(graph, 0);
        let reference = Reference::new((*graph).clone(), threads)?.minimizing(method.loss);
        let profile = |reference: &mut Reference| {
            if let Some(ops) = args.ops {
                reference.profile(ops.grouping());
            }
        };
        let (rates, mut reference) = match mode {
            Mode::Train => {
                let optimizer = self.optimizer(&parameters);
                let mut trainer = ReferenceTrainer { reference, parameters, optimizer };
                self.train(&mut trainer, batch, WARM_UP)?;
                profile(&mut trainer.reference);
                (self.train(&mut trainer, batch, self.steps())?, trainer.reference)
            }
            Mode::Infer => {
                let mut evaluator = ReferenceEvaluator { reference, parameters };
                self.infer(&mut evaluator, WARM_UP)?;
                profile(&mut evaluator.reference);
                (self.infer(&mut evaluator, self.steps())?, evaluator.reference)
            }
        };
        let peak = resident("VmHWM");
        let profile = args.ops.map(|_| (reference.take_profile(), cpu::machine(Precision::F32)));
        Ok(Measured { mode: *mode, rates, planned: None, peak, profile })
    }

    #[cfg(feature = "cuda")]
    fn on_gpu(&self, precision: Precision, spare: u64) -> Result<Measured, StepError> {
        let Case { args, graph, method, mode, batch } = self;
        let device = gpu()?;
        let parameters = init::initialize(graph, 0);
        let (mut compiled, work) = match mode {
            Mode::Train => {
                let optimizer = self.optimizer(&parameters);
                let compiled = cuda::compiled::Compiled::trainer(
                    device,
                    graph,
                    &parameters,
                    optimizer,
                    *method,
                    precision,
                )?;
                (compiled, Work::Training)
            }
            Mode::Infer => {
                let compiled =
                    cuda::compiled::Compiled::evaluator(device, graph, &parameters, precision)?;
                (compiled, Work::Inference)
            }
        };
        let seen = self.held(&mut compiled, spare)?;
        let mut run = |steps| match (mode, &seen.views[..]) {
            (Mode::Train, _) => self.train(&mut compiled, &seen, steps),
            (Mode::Infer, []) => self.infer(&mut compiled, steps),
            (Mode::Infer, views) => {
                self.timed(steps, |_| Ok(compiled.logits_of(views).map(|_| ())?))
            }
        };
        run(WARM_UP)?;
        let rates = run(self.steps())?;
        let images = batch.labels.len();
        let footprint = Footprint::new(graph, *method, Target::Cuda(precision));
        let (planned, peak) = (Some(footprint.bytes(work, images)), Some(compiled.peak()));
        let profile = match args.ops {
            Some(ops) => Some((compiled.profile(images, ops.grouping())?, compiled.machine()?)),
            None => None,
        };
        Ok(Measured { mode: *mode, rates, planned, peak, profile })
    }

    /// Only where something is trained: what it keeps is memory.
    fn optimizer(&self, parameters: &Parameters) -> Optimizer {
        Optimizer::new(self.method.update, vec![true; self.graph.params.len()], parameters)
    }

    /// The steps that count.
    fn steps(&self) -> Range<u64> {
        WARM_UP.end..WARM_UP.end + self.args.steps
    }

    fn train(
        &self,
        trainer: &mut dyn Trainer,
        batch: &Batch,
        steps: Range<u64>,
    ) -> Result<Vec<f64>, StepError> {
        self.timed(steps, |step| trainer.step(batch, 1e-3, StepKey { seed: 0, step }).map(|_| ()))
    }

    fn infer(
        &self,
        evaluator: &mut dyn Evaluator,
        steps: Range<u64>,
    ) -> Result<Vec<f64>, StepError> {
        self.timed(steps, |_| Ok(evaluator.logits(&self.batch.images).map(|_| ())?))
    }

    /// Images per second of every step, in ascending order.
    fn timed(
        &self,
        steps: Range<u64>,
        mut step: impl FnMut(u64) -> Result<(), StepError>,
    ) -> Result<Vec<f64>, StepError> {
        let rate = |number| {
            let start = Instant::now();
            step(number)?;
            Ok(self.args.batch as f64 / start.elapsed().as_secs_f64())
        };
        let mut rates = steps.map(rate).collect::<Result<Vec<f64>, StepError>>()?;
        rates.sort_by(f64::total_cmp);
        Ok(rates)
    }

    /// A batch of views of images that the executor holds, as it would hold those of a data set; where there
    /// is no memory to spare for them, the batch itself.
    #[cfg(feature = "cuda")]
    fn held(&self, executor: &mut dyn Evaluator, spare: u64) -> Result<Batch, StepError> {
        let Case { graph, batch, mode, .. } = self;
        let mut random = Random::named(1, "bench", Site::Other);
        let pixels = batch.images.iter().map(|_| random.below(256) as u8).collect();
        let colors = Pipeline::new(Vec::new(), CIFAR100).colors();
        let images = Held { size: graph.input_size(), pixels, colors };
        if images.bytes() > executor.room().min(spare) {
            return Ok(batch.clone());
        }
        let of = match mode {
            Mode::Train => Use::Training,
            Mode::Infer => Use::Evaluation,
        };
        executor.hold(of, &images)?;
        let view = |image| View { image, top: 0, left: 0, flip: image % 2 == 1, hole: [0; 4] };
        let views = (0..batch.labels.len() as u32).map(view).collect();
        Ok(Batch { views, labels: batch.labels.clone(), ..Batch::default() })
    }
}

/// The place in memory of what is measured.
fn place(
    args: &Args,
    executor: Executor,
    graph: &Graph,
    method: Method,
    mode: Mode,
) -> Result<Place, ExecError> {
    let work = match mode {
        Mode::Train => Work::Training,
        Mode::Infer => Work::Inference,
    };
    let (threads, batch) = (threads(args.running.threads), args.batch as usize);
    // One batch is run again and again.
    let demand = Demand { executor, graph, method, work, threads, workers: 0, batch, held: 0 };
    take(&demand).map_err(|excess| ExecError(excess.told()))
}

/// Steps before the clock counts.
const WARM_UP: Range<u64> = 0..2;

/// Random images, if there is memory for so many.
fn batch(graph: &Graph, count: usize) -> Result<Batch, ExecError> {
    let mut random = Random::named(0, "bench", Site::Other);
    let (mut images, numbers) = (Vec::new(), count.saturating_mul(graph.image_numbers()));
    let none = |_| ExecError(format!("a batch of {count} images does not fit into memory"));
    images.try_reserve_exact(numbers).map_err(none)?;
    images.extend((0..numbers).map(|_| random.normal() as f32));
    let labels = (0..count).map(|_| random.below(graph.classes() as u64) as u32).collect();
    Ok(Batch { images, labels, ..Batch::default() })
}
