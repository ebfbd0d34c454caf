//! `cluec bench`: how fast a model trains and evaluates here, in how much memory, and where the time
//! goes.

mod measure;
mod passes;

use super::executor::Executor;
use super::options::{Running, Which, batch, times};
use super::session::threads;
use super::{Exit, Format, number, sound, usage};
use crate::diag::say;
use crate::exec::Grouping;
use crate::graph::Graph;
use crate::passes::Method;
use measure::{Measured, measure};
use std::io::{self, Write};

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
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = batch())]
    pub batch: u64,
    /// Timed steps, after two that are not
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = times(1))]
    pub steps: u64,
    /// What is timed (default: both)
    #[arg(long, value_enum)]
    pub mode: Option<Mode>,
    /// Measure inference as the paper does, in passes over the test images, and training beside it
    #[arg(long, conflicts_with = "mode")]
    pub paper: bool,
    /// Passes over the test images
    #[arg(long, value_name = "N", default_value_t = 7, requires = "paper", value_parser = times(1))]
    pub passes: u64,
    /// Of which the first ones do not count
    #[arg(long, value_name = "N", default_value_t = 2, requires = "paper")]
    pub dropped: u64,
    /// Test images of a pass (default: all), in whole batches
    #[arg(long, value_name = "N", requires = "paper", value_parser = times(1))]
    pub images: Option<u64>,
    #[command(flatten)]
    pub running: Running,
    /// Time per op, with `--ops=size` per op and size of what it reads, with `--ops=launch` per
    /// kernel and product of a GPU too, beside what the machine could do; of the reference, the
    /// backward pass as one
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
    Launch,
}

impl Ops {
    fn grouping(self) -> Grouping {
        match self {
            Ops::Kind => Grouping::Kind,
            Ops::Size => Grouping::Size,
            Ops::Launch => Grouping::Launch,
        }
    }
}

pub fn run(args: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    let name = args.which.address();
    let model = match sound("bench", &args.file, name.as_deref(), &args.running.sets)? {
        Ok((_, model)) => model,
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
    // Evaluation first: it needs less memory, and where a peak can not be forgotten it only grows.
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
                    say(format!("error: {error}"));
                    return Ok(Exit::Findings);
                }
            }
        }
    }
    Ok(Exit::Fine)
}

impl Measured {
    fn print(
        &self,
        args: &Args,
        executor: Executor,
        graph: &Graph,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let median = number::median(&self.rates).unwrap_or_default();
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
                "machine": self.profile.as_ref().map(|(_, machine)| machine.json()),
            });
            return writeln!(out, "{line}");
        }
        let bytes = |value: Option<u64>| value.map_or("unknown".into(), number::bytes);
        writeln!(
            out,
            "{} {mode}, {executor}, batch {}, {}: {median:.1} images/s \
             ({min:.1} to {max:.1}), peak memory {} (planned {})",
            graph.name,
            args.batch,
            number::many(threads as u64, "thread"),
            bytes(self.peak),
            bytes(self.planned),
        )?;
        if let Some((profile, machine)) = &self.profile {
            write!(out, "{}", profile.table(*machine))?;
        }
        Ok(())
    }
}
