//! `cluec verify-resume`: that an interrupted training ends in the bits of one that was not, shown on
//! one's own model, data and recipe.

use super::options::{Running, Which, times};
use super::place;
use super::session::{Failure, load};
use super::training::{Order, Ready, on_interrupt};
use super::{Exit, Format, print_reports, select, usage};
use crate::diag::number::many;
use crate::diag::{Sources, say};
use crate::model::Spoken;
use crate::train::rehearsal::{Compared, How, Leg, Rehearsal, Stretch, Until};
use crate::train::{Checkpoint, State};
use serde_json::json;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

#[derive(Debug, clap::Args)]
#[command(
    mut_arg("threads", |of| of.help("Threads that compute when nothing interrupts (default: one per core)")),
    mut_arg("workers", |of| of.help("Threads that decode and augment when nothing interrupts")),
)]
pub struct Args {
    /// The folder of a run, a checkpoint, or a .clue file; nothing in it is changed
    #[arg(value_name = "RUN|FILE")]
    pub what: PathBuf,
    #[command(flatten)]
    pub which: Which,
    /// Steps of the training that is repeated
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = times(2))]
    pub steps: u64,
    /// Random moments at which it is interrupted
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = times(1))]
    pub interruptions: u64,
    /// Interrupt it after these steps instead: `3,7`
    #[arg(long, value_name = "N,…", value_delimiter = ',', conflicts_with = "interruptions")]
    pub at: Vec<u64>,
    /// What the moments follow from (the recipe's seed is a setting: `--set recipe.seed=1`)
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    #[command(flatten)]
    pub running: Running,
    /// How to answer
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

pub fn run(args: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    match verify(args, out) {
        Ok(exit) => Ok(exit),
        Err(failure) => failure.report(),
    }
}

fn verify(args: &Args, out: &mut dyn Write) -> Result<Exit, Failure> {
    let of_run = match args.what.is_dir() {
        true => Some(place::last(&place::run(&args.what)?)?),
        false => None,
    };
    let is_checkpoint = args.what.extension().is_some_and(|end| end == "safetensors");
    let path = of_run.or(is_checkpoint.then(|| args.what.clone()));
    let checkpoint = path.as_deref().map(load).transpose()?;
    let mut sources = Sources::default();
    let name = args.which.address();
    let file = args.what.to_string_lossy();
    let (program, diags) = match &checkpoint {
        Some(known) => {
            crate::compile_text(&mut sources, "model.clue", &known.meta.source, &args.running.sets)
        }
        None => crate::compile_for(
            &mut sources,
            &file,
            Spoken::One(name.as_deref()),
            &args.running.sets,
        ),
    };
    print_reports(&diags, &sources);
    if diags.has_errors() {
        return Ok(Exit::Findings);
    }
    let model = match select(&program, name.as_deref(), "verify-resume", &file) {
        Ok(model) => model,
        Err(message) => return Ok(usage(&message)?),
    };
    let known = checkpoint.as_ref().and_then(|checkpoint| checkpoint.meta.data.clone());
    let order = Order::quiet((&sources, model), &args.running, known.as_deref());
    if let Err(why) = order.complete() {
        return Ok(usage(&why.to_string())?);
    }
    let mut ready = order.ready(checkpoint, !args.running.sets.is_empty())?;
    let taken = ready.state.meta.step;
    let rehearsal = rehearsal(args, &mut ready);
    if rehearsal.steps < args.steps {
        let steps = many(rehearsal.steps, "step");
        say(format!("the whole training has {steps}: so many are taken, not {}", args.steps));
    }
    let within = 1..rehearsal.steps;
    if let Some(outside) = args.at.iter().find(|moment| !within.contains(moment)) {
        let steps = rehearsal.steps;
        return Ok(usage(&format!("--at {outside} is not within the {steps} steps there are"))?);
    }
    if rehearsal.moments.is_empty() {
        return Err(Failure::new("a training of one step can not be interrupted"));
    }
    let stop = Arc::new(AtomicBool::new(false));
    on_interrupt(&stop);
    ready.find_lr(&stop)?;
    let compared = rehearse(&ready, &rehearsal, [order.threads, order.workers], &stop)?;
    let report = Report { args, ready: &ready, rehearsal: &rehearsal, compared: &compared, taken };
    match args.format {
        Format::Human => report.human(out)?,
        Format::Json => writeln!(out, "{:#}", report.json())?,
    }
    Ok(if compared.equal() { Exit::Fine } else { Exit::Findings })
}

/// From where the run stands, at the beginning of its epoch.
fn rehearsal(args: &Args, ready: &mut Ready<'_>) -> Rehearsal {
    let (recipe, session) = (ready.setup.recipe, &ready.setup.session);
    let whole_epoch = session.opened.train.len().div_ceil(recipe.batch.value.0) as u64;
    let epochs = recipe.epochs.value.0 as u64;
    let rehearsal = Rehearsal::new(args.steps, whole_epoch, epochs, &mut ready.state.meta);
    match args.at.is_empty() {
        true => rehearsal.at_random(args.interruptions, args.seed),
        false => rehearsal.at(args.at.clone()),
    }
}

/// In a temporary folder, which is gone afterwards.
fn rehearse(
    ready: &Ready<'_>,
    rehearsal: &Rehearsal,
    counts: [usize; 2],
    stop: &AtomicBool,
) -> Result<Compared, Failure> {
    let root = tempfile::tempdir().map_err(|error| {
        let place = std::env::temp_dir();
        Failure::new(format!(
            "the folder of temporary files, {}, can not be written: {error}\n  help: TMPDIR names another",
            place.display()
        ))
    })?;
    let Ready { setup, state } = ready;
    let graph = &setup.session.graph;
    let names: Vec<String> = graph.params.iter().map(|param| param.name.clone()).collect();
    rehearsal.run(root.path(), &names, counts, |stretch: &Stretch| {
        let last = stretch.folder.last();
        let state = match last.exists() {
            true => State::resumed(Checkpoint::load(&last)?.fitted(graph)?, graph, setup.recipe)?,
            false => state.clone(),
        };
        tell(stretch, state.meta.step, rehearsal.first);
        let counts = [stretch.threads, stretch.workers];
        let trained = setup.fit(state, &stretch.folder, counts, stop, |fit, trainer, meta| {
            stretch.run(fit, trainer, meta)
        })?;
        // What it says to do would be done in a folder that is gone.
        trained.map_err(|error| Failure::new(error.message()))
    })
}

/// Steps are counted from the first one of the rehearsal.
fn tell(stretch: &Stretch, step: u64, first: u64) {
    let until = match &stretch.until {
        Until::End => "to the end".to_string(),
        Until::Stopped(after) => format!("stopped after {}", after - first),
        Until::Killed(after, _) => format!("killed in {}", after - first + 1),
    };
    let Stretch { threads, workers, .. } = stretch;
    let from = step - first + 1;
    say(format!("from step {from}, {until}: --threads {threads} --workers {workers}"));
}

struct Report<'a> {
    args: &'a Args,
    ready: &'a Ready<'a>,
    rehearsal: &'a Rehearsal,
    compared: &'a Compared,
    /// Steps behind what it began with.
    taken: u64,
}

impl Report<'_> {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        let Rehearsal { steps, per_epoch, .. } = self.rehearsal;
        let setup = &self.ready.setup;
        writeln!(
            out,
            "{}, {}: {steps} steps of batch {} from {}, epochs cut to {per_epoch}",
            self.ready.state.meta.model,
            setup.executor,
            setup.recipe.batch.value.0,
            match self.taken {
                0 => "its beginning".to_string(),
                taken => format!("the weights of step {taken}"),
            }
        )?;
        for leg in &self.compared.legs {
            let end = match (&leg.difference, leg.how) {
                (_, How::Straight) => String::new(),
                (None, _) => "  equal".to_string(),
                (Some(difference), _) => format!("  DIFFERS: {difference}"),
            };
            writeln!(out, "  {:<36} weights {}{end}", self.way(leg), leg.weights)?;
        }
        let graph = &setup.session.graph;
        let compared = format!(
            "{} parameters with their moments, loss and logits after every step; checkpoints, {} \
             lines of metrics",
            graph.params.len(),
            self.compared.metrics
        );
        match self.compared.equal() {
            true => writeln!(out, "equal to the bit: {compared}"),
            false => writeln!(out, "not equal; compared: {compared}"),
        }
    }

    /// `stopped after 2, 5, 9`.
    fn way(&self, leg: &Leg) -> String {
        let moments = |shift: u64| {
            let moments = self.rehearsal.moments.iter().map(|m| (m + shift).to_string());
            moments.collect::<Vec<String>>().join(", ")
        };
        match leg.how {
            How::Straight => "straight on".to_string(),
            How::Stopped => format!("stopped after {}", moments(0)),
            How::Killed => format!("killed in {}", moments(1)),
        }
    }

    fn json(&self) -> serde_json::Value {
        let setup = &self.ready.setup;
        let leg = |leg: &Leg| {
            json!({
                "how": leg.how.name(),
                "threads": leg.threads,
                "workers": leg.workers,
                "steps": leg.steps,
                "weights": leg.weights,
                "difference": leg.difference.as_ref().map(|difference| json!({
                    "step": difference.step,
                    "what": difference.what,
                })),
            })
        };
        json!({
            "model": self.ready.state.meta.model,
            "graph": self.ready.state.meta.graph_hash,
            "executor": setup.executor.name(),
            "device": setup.executor.device(),
            "from_step": self.taken,
            "batch": setup.recipe.batch.value.0,
            "steps": self.rehearsal.steps,
            "steps_per_epoch": self.rehearsal.per_epoch,
            "interrupted_after": self.rehearsal.moments,
            "seed": self.args.seed,
            "equal": self.compared.equal(),
            "parameters": setup.session.graph.params.len(),
            "metrics": self.compared.metrics,
            "legs": self.compared.legs.iter().map(leg).collect::<Vec<_>>(),
        })
    }
}
