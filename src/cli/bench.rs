//! `cluec bench`: how fast a model trains and evaluates here, in how much memory, and where the time
//! goes.

mod passes;

use super::executor::Executor;
use super::options::{Running, Which};
use super::session::threads;
use super::{Exit, Format, number, sound, usage};
#[cfg(feature = "cuda")]
use crate::data::{CIFAR100, Pipeline};
use crate::exec::cpu::{self, Compiled};
#[cfg(feature = "cuda")]
use crate::exec::cuda;
use crate::exec::random::{Random, Site};
use crate::exec::{
    Batch, Evaluator, Grouping, Machine, Optimizer, Parameters, Profile, StepError, StepKey,
    Trainer, init,
};
#[cfg(feature = "cuda")]
use crate::exec::{Footprint, Held, Target, View, Work};
use crate::graph::Graph;
use crate::passes::Method;
use crate::train::resident;
use std::io::{self, Write};
use std::time::Instant;

#[derive(Debug, clap::Args)]
#[command(
    mut_arg("data", |data| data.requires("paper")),
    mut_arg("workers", |workers| workers.requires("paper").help("Threads that decode")),
)]
pub struct Args {
    /// A .clue file
    pub file: String,
    #[command(flatten)]
    pub which: Which,
    /// Images per step
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..))]
    pub batch: u64,
    /// Timed steps, after two that are not
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub steps: u64,
    /// What is timed (default: both)
    #[arg(long, value_enum)]
    pub mode: Option<Mode>,
    /// Measure inference as the paper does, in passes over the test images, and training beside it
    #[arg(long, conflicts_with = "mode")]
    pub paper: bool,
    /// Passes over the test images
    #[arg(long, value_name = "N", default_value_t = 7, requires = "paper", value_parser = clap::value_parser!(u64).range(1..))]
    pub passes: u64,
    /// Of which the first ones do not count
    #[arg(long, value_name = "N", default_value_t = 2, requires = "paper")]
    pub dropped: u64,
    /// Test images of a pass (default: all), in whole batches
    #[arg(long, value_name = "N", requires = "paper", value_parser = clap::value_parser!(u64).range(1..))]
    pub images: Option<u64>,
    #[command(flatten)]
    pub running: Running,
    /// Time per op, or with `--ops=size` per op and size of what it reads, beside what the machine
    /// could do (compiled executor)
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "kind")]
    pub ops: Option<Ops>,
    /// How to answer; JSON is one line per mode
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// Forward, backward and update
    Train,
    /// Logits
    Infer,
}

/// What ops are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Ops {
    Kind,
    Size,
}

impl Ops {
    fn grouping(self) -> Grouping {
        match self {
            Ops::Kind => Grouping::Kind,
            Ops::Size => Grouping::Size,
        }
    }
}

pub fn run(args: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    let name = args.which.address();
    let model = match sound("bench", &args.file, name.as_deref(), &args.running.sets)? {
        Ok(model) => model,
        Err(exit) => return Ok(exit),
    };
    let Some(graph) = &model.graph else { return Ok(Exit::Findings) };
    let executor = match args.running.executor.training(model.recipe.as_ref()) {
        Ok(executor) => executor,
        Err(error) => return usage(&error.to_string()),
    };
    if args.dropped >= args.passes {
        let (passes, dropped) = (args.passes, args.dropped);
        return usage(&format!("of {passes} passes {dropped} are dropped, and none is left"));
    }
    // Evaluation first: it needs less memory, and the peak of a process only grows.
    if args.paper
        && let Err(failure) = passes::run(args, executor, &model, out)
    {
        return failure.report();
    }
    let wanted = if args.paper { Some(Mode::Train) } else { args.mode };
    for mode in [Mode::Infer, Mode::Train] {
        if wanted.is_none_or(|wanted| wanted == mode) {
            let method = Method::of(model.recipe.as_ref());
            match measure(args, executor, graph, method, mode) {
                Ok(measured) => measured.print(args, executor, graph, out)?,
                Err(error) => {
                    writeln!(io::stderr(), "error: {error}")?;
                    return Ok(Exit::Findings);
                }
            }
        }
    }
    Ok(Exit::Fine)
}

/// One mode of one executor.
struct Measured {
    mode: Mode,
    /// Images per second of every timed step.
    rates: Vec<f64>,
    /// What the plan says, and what the process has used at most; on a GPU, of its memory.
    planned: Option<u64>,
    peak: Option<u64>,
    profile: Option<(Profile, Machine)>,
}

fn measure(
    args: &Args,
    executor: Executor,
    graph: &Graph,
    method: Method,
    mode: Mode,
) -> Result<Measured, StepError> {
    let threads = threads(args.running.threads);
    let batch = batch(graph, args.batch as usize);
    let before = resident("VmRSS");
    let parameters = init::initialize(graph, 0);
    // Only where something is trained: what it keeps is memory.
    let optimizer = |parameters: &Parameters| {
        Optimizer::new(method.update, vec![true; graph.params.len()], parameters)
    };
    let mut measured =
        Measured { mode, rates: Vec::new(), planned: None, peak: None, profile: None };
    match (executor, mode) {
        (Executor::Compiled(precision), _) => {
            let mut compiled = match mode {
                Mode::Train => {
                    let optimizer = optimizer(&parameters);
                    Compiled::trainer(graph, parameters, optimizer, method, threads)
                }
                Mode::Infer => Compiled::evaluator_in(precision, graph, parameters, threads),
            };
            let planned = compiled.memory(batch.labels.len()).peak;
            measured.planned = before.map(|before| before + planned);
            if let Some(ops) = args.ops {
                compiled.profile(ops.grouping());
            }
            measured.rates = match mode {
                Mode::Train => train(args, &mut compiled, &batch)?,
                Mode::Infer => infer(args, &mut compiled, &batch)?,
            };
            measured.profile = args.ops.map(|_| (compiled.take_profile(), cpu::machine()));
        }
        #[cfg(feature = "cuda")]
        (Executor::Cuda(precision), _) => {
            let device = cuda::device::Device::open(0)?;
            let (mut compiled, work) = match mode {
                Mode::Train => {
                    let optimizer = optimizer(&parameters);
                    let compiled = cuda::compiled::Compiled::trainer(
                        device,
                        graph,
                        &parameters,
                        optimizer,
                        method,
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
            measured.rates = match mode {
                Mode::Train => {
                    let batch = held(&mut compiled, graph, batch)?;
                    train(args, &mut compiled, &batch)?
                }
                Mode::Infer => infer(args, &mut compiled, &batch)?,
            };
            let footprint = Footprint::new(graph, method, Target::Cuda(precision));
            measured.planned = Some(footprint.bytes(work, args.batch as usize));
            measured.peak = Some(compiled.peak());
            let profile = |ops: Ops| {
                let profile = compiled.profile(args.batch as usize, ops.grouping())?;
                Ok::<_, StepError>((profile, compiled.machine()?))
            };
            measured.profile = args.ops.map(profile).transpose()?;
            return Ok(measured);
        }
        (_, Mode::Train) => {
            let optimizer = optimizer(&parameters);
            let mut trainer = executor.trainer(graph, parameters, optimizer, method, threads)?;
            measured.rates = train(args, &mut *trainer, &batch)?;
        }
        (_, Mode::Infer) => {
            let mut evaluator = executor.evaluator(graph, parameters, threads)?;
            measured.rates = infer(args, &mut *evaluator, &batch)?;
        }
    }
    measured.peak = resident("VmHWM");
    Ok(measured)
}

/// Steps before the clock counts.
const WARM_UP: u64 = 2;

fn train(args: &Args, trainer: &mut dyn Trainer, batch: &Batch) -> Result<Vec<f64>, StepError> {
    timed(args, |step| trainer.step(batch, 1e-3, StepKey { seed: 0, step }).map(|_| ()))
}

fn infer(args: &Args, evaluator: &mut dyn Evaluator, batch: &Batch) -> Result<Vec<f64>, StepError> {
    timed(args, |_| Ok(evaluator.logits(&batch.images).map(|_| ())?))
}

/// Images per second of every step.
fn timed(
    args: &Args,
    mut step: impl FnMut(u64) -> Result<(), StepError>,
) -> Result<Vec<f64>, StepError> {
    let mut rates = Vec::new();
    for number in 0..WARM_UP + args.steps {
        let start = Instant::now();
        step(number)?;
        if number >= WARM_UP {
            rates.push(args.batch as f64 / start.elapsed().as_secs_f64());
        }
    }
    rates.sort_by(f64::total_cmp);
    Ok(rates)
}

fn batch(graph: &Graph, images: usize) -> Batch {
    let [h, w] = graph.input_size();
    let mut random = Random::named(0, "bench", Site::Other);
    Batch {
        images: (0..images * h * w * 3).map(|_| random.normal() as f32).collect(),
        labels: (0..images).map(|_| random.below(graph.classes() as u64) as u32).collect(),
        ..Batch::default()
    }
}

/// The same batch as views of images that the trainer holds, as it would hold those of a data set.
#[cfg(feature = "cuda")]
fn held(trainer: &mut dyn Trainer, graph: &Graph, batch: Batch) -> Result<Batch, StepError> {
    let bytes = batch.images.len();
    if trainer.room() < bytes as u64 {
        return Ok(batch);
    }
    let mut random = Random::named(1, "bench", Site::Other);
    let pixels = (0..bytes).map(|_| random.below(256) as u8).collect();
    let colors = Pipeline::new(Vec::new(), CIFAR100).colors();
    trainer.hold(&Held { size: graph.input_size(), pixels, colors })?;
    let view = |image| View { image, top: 0, left: 0, flip: image % 2 == 1, hole: [0; 4] };
    let views = (0..batch.labels.len() as u32).map(view).collect();
    Ok(Batch { views, images: Vec::new(), ..batch })
}

impl Measured {
    fn print(
        &self,
        args: &Args,
        executor: Executor,
        graph: &Graph,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let median = self.rates[self.rates.len() / 2];
        let (min, max) = (self.rates[0], self.rates[self.rates.len() - 1]);
        let mode = match self.mode {
            Mode::Train => "train",
            Mode::Infer => "infer",
        };
        let threads = threads(args.running.threads);
        if args.format == Format::Json {
            let line = serde_json::json!({
                "model": graph.name, "executor": executor.name(), "device": executor.device(),
                "precision": executor.precision().name(), "mode": mode,
                "batch": args.batch, "threads": threads,
                "images_per_second": {"median": median, "min": min, "max": max},
                "peak_bytes": self.peak, "planned_bytes": self.planned,
                "ops": self.profile.as_ref().map(|(profile, _)| profile.json()),
            });
            return writeln!(out, "{line}");
        }
        let bytes = |value: Option<u64>| value.map_or("unknown".into(), number::bytes);
        writeln!(
            out,
            "{} {mode}, {executor}, batch {}, {threads} threads: {median:.1} images/s \
             ({min:.1} to {max:.1}), peak memory {} (planned {})",
            graph.name,
            args.batch,
            bytes(self.peak),
            bytes(self.planned),
        )?;
        if let Some((profile, machine)) = &self.profile {
            write!(out, "{}", profile.table(*machine))?;
        }
        Ok(())
    }
}
