//! `cluec train`: from a file to a trained run.

use super::executor;
use super::session::{Failure, Images, Session, threads, workers};
use super::{Exit, print_reports, select, usage};
use crate::diag::{Diagnostic, Diags, Sources};

use crate::spec::{Keep, Recipe};
use crate::train::{Checkpoint, Fit, Meta, Outcome, RunFolder, Schedule, State, replace};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A .clue file
    #[arg(required_unless_present = "resume")]
    pub file: Option<String>,
    /// Which model, if the file holds several
    pub name: Option<String>,
    /// Where the images are, instead of what the data item says
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Epochs, instead of what the recipe says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub epochs: Option<u64>,
    /// Stop after this many steps of the whole run
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub steps: Option<u64>,
    /// Images per step, instead of what the recipe says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub batch: Option<u64>,
    /// What every random choice follows from
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Change a setting: `recipe.optimizer.lr=2e-3`, `mixer.grid=8x8`
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    /// Threads that compute (default: one per core)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub threads: Option<u64>,
    #[command(flatten)]
    pub executor: executor::Options,
    /// Threads that decode and augment; their number never changes a result
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub workers: Option<u64>,
    /// Go on with the run in this folder
    #[arg(long, value_name = "RUN")]
    pub resume: Option<PathBuf>,
    /// Folder of the run (default: `runs/` and the name of the model)
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub out: Option<PathBuf>,
}

pub fn run(args: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    match train(args, out) {
        Ok(exit) => Ok(exit),
        Err(failure) => failure.report(),
    }
}

fn train(args: &Args, out: &mut dyn Write) -> Result<Exit, Failure> {
    let resumed = match &args.resume {
        Some(run) if run.is_file() => {
            let folder = run.parent().unwrap_or(Path::new("."));
            let message = "goes on with a run, named by its folder";
            return Ok(usage(&format!("--resume {message}: --resume {}", folder.display()))?);
        }
        Some(run) => Some(Checkpoint::load(&RunFolder::open(run).last())?),
        None => None,
    };
    // A run that goes on trains what it trained: its own text, not today's.
    let (file, text) = match (&resumed, &args.file) {
        (Some(_), Some(_)) => {
            return Ok(usage(
                "a run that goes on takes its model from its checkpoint: leave FILE out",
            )?);
        }
        (Some(checkpoint), None) => ("model.clue".to_string(), checkpoint.meta.source.clone()),
        (None, Some(file)) => (file.clone(), String::new()),
        (None, None) => return Ok(usage("which file?")?),
    };
    let sets = recipe_sets(args);
    let mut sources = Sources::default();
    let (program, diags) = match &resumed {
        Some(_) => crate::compile_text(&mut sources, &file, &text, &sets),
        None => crate::compile_for(&mut sources, &file, args.name.as_deref(), &sets),
    };
    let diags = without_restating(diags, &sources, &sets[args.sets.len()..]);
    print_reports(&diags, &sources)?;
    if diags.has_errors() {
        return Ok(Exit::Findings);
    }
    let model = match select(&program, args.name.as_deref(), "train", &file) {
        Ok(model) => model,
        Err(message) => return Ok(usage(&message)?),
    };
    let Some(recipe) = &model.recipe else {
        return Ok(usage(&format!(
            "`{}` has no recipe; give it one: \
             `recipe {{ epochs 20; batch 64; optimizer adamw {{ lr 1e-3 }} }}`",
            model.name
        ))?);
    };
    let executor = args.executor.training(Some(recipe))?;
    let session = match &resumed {
        Some(checkpoint) => Session::reopen(checkpoint, model, args.data.as_deref())?,
        None => Session::open(model, args.data.as_deref())?,
    };
    let graph = &session.graph;
    let batch = recipe.batch.value.0;
    let seed = recipe.seed.value.0;
    let images = |train| Images {
        opened: &session.opened,
        train,
        batch,
        workers: workers(args.workers),
        seed,
        size: graph.input_size(),
    };
    let state = match resumed {
        Some(checkpoint) => {
            let mut checkpoint = checkpoint.fitted(graph)?;
            unchanged(&checkpoint.meta, &session, recipe)?;
            if !sets.is_empty() {
                checkpoint.meta.source = model.text.clone();
            }
            checkpoint.meta.data = session.folder();
            State::resumed(checkpoint, graph, recipe)
        }
        None => {
            let train = &session.opened.train;
            let classes = train.classes().to_vec();
            let mut state = State::fresh(graph, recipe, train.len() as u64, classes);
            state.meta.source = model.text.clone();
            state.meta.data = session.folder();
            state
        }
    };
    let folder = match &args.resume {
        Some(run) => RunFolder::open(run),
        None => new_run(args, &model.name)?,
    };
    let write = |path: PathBuf, text: &str| {
        replace(&path, |file| file.write_all(text.as_bytes())).map_err(|error| {
            Failure::new(format!("{} can not be written: {error}", path.display()))
        })
    };
    write(folder.source(), &state.meta.source)?;
    write(folder.graph(), &graph.to_string())?;
    let State { parameters, optimizer, meta } = state;
    let clip = recipe.clip.as_ref().map(|norm| norm.0);
    let mut trainer =
        executor.trainer(graph, parameters, optimizer, clip, threads(args.threads))?;
    let stop = Arc::new(AtomicBool::new(false));
    on_interrupt(&stop);
    writeln!(
        out,
        "training {} ({} parameters) on {} images of {} ({} to test), batch {batch}, in {}",
        model.name,
        super::number::grouped(graph.param_count()),
        session.opened.train.len(),
        session.opened.train.name(),
        session.opened.test.len(),
        folder.path.display()
    )?;
    out.flush()?;
    let fit = Fit {
        train: &images(true),
        test: &images(false),
        schedule: Schedule::of(recipe),
        epochs: recipe.epochs.value.0 as u64,
        max_steps: args.steps,
        folder: &folder,
        names: graph.params.iter().map(|p| p.name.clone()).collect(),
        shapes: graph.params.iter().map(|p| p.shape.clone()).collect(),
        stop: &stop,
        quiet: false,
    };
    let outcome = fit.run(&mut *trainer, meta)?;
    let run = folder.path.display();
    match outcome {
        // Whoever waits for the result must not take this for one.
        Outcome::Interrupted => {
            writeln!(out, "stopped and saved; go on with: cluec train --resume {run}")?;
            return Ok(Exit::Findings);
        }
        Outcome::Finished(evaluation) => {
            let kept = if *recipe.keep == Keep::Best { folder.best() } else { folder.last() };
            writeln!(
                out,
                "test loss {:.4}, top-1 {:.2} %, top-3 {:.2} % after the last step",
                evaluation.loss,
                100.0 * evaluation.top1,
                100.0 * evaluation.top3
            )?;
            // Only what the paper trained, as long as it did, is comparable.
            let whole = sets.is_empty() && args.steps.is_none();
            for claim in model.paper.iter().filter(|c| whole && c.quantity == "top1") {
                let ours = 100.0 * (evaluation.top1 - claim.value);
                writeln!(out, "the paper: top-1 {} ({ours:+.2} points here)", claim.written)?;
            }
            writeln!(
                out,
                "the run lies in {run}; look closer with: cluec eval {}",
                kept.display()
            )?;
        }
    }
    Ok(Exit::Fine)
}

/// The short flags are settings like any other, over everything else.
fn recipe_sets(args: &Args) -> Vec<String> {
    let mut sets = args.sets.clone();
    let mut set = |key: &str, value: Option<u64>| {
        sets.extend(value.map(|value| format!("recipe.{key}={value}")));
    };
    set("epochs", args.epochs);
    set("batch", args.batch);
    set("seed", args.seed);
    sets
}

/// A flag may say what the text says: who writes it wants to be sure.
fn without_restating(diags: Diags, sources: &Sources, flags: &[String]) -> Diags {
    let restates = |d: &Diagnostic| {
        d.code == "W0301"
            && d.labels.first().is_some_and(|l| flags.contains(&sources.get(l.span.source).text))
    };
    Diags(diags.0.into_iter().filter(|d| !restates(d)).collect())
}

fn new_run(args: &Args, name: &str) -> Result<RunFolder, Failure> {
    Ok(match &args.out {
        Some(out) => {
            let root = out.parent().unwrap_or(Path::new(""));
            let name = out.file_name().map_or(name.into(), |n| n.to_string_lossy().into_owned());
            RunFolder::create(root, &name)?
        }
        None => RunFolder::create(Path::new("runs"), name)?,
    })
}

/// What decides which images a step sees must be what it was.
fn unchanged(meta: &Meta, session: &Session, recipe: &Recipe) -> Result<(), Failure> {
    let images = session.opened.train.len() as u64;
    for (what, there, here) in [
        ("seed", meta.seed, recipe.seed.value.0),
        ("batch", meta.batch_size, recipe.batch.value.0 as u64),
        ("number of training images", meta.train_images, images),
    ] {
        if there != here {
            return Err(Failure::new(format!(
                "the run began with a {what} of {there}, and this is {here}: its steps would see \
                 other images\n  help: a run that goes on keeps its seed, its batch and its data"
            )));
        }
    }
    Ok(())
}

/// Ctrl-C lets the step end and saves; a second one ends at once.
fn on_interrupt(stop: &Arc<AtomicBool>) {
    let stop = stop.clone();
    let handler = move || {
        if stop.swap(true, Ordering::Relaxed) {
            std::process::abort();
        }
        eprintln!("stopping after this step; once more to stop at once");
    };
    // Without a handler Ctrl-C ends the run at once, and the last checkpoint stays.
    let _ = ctrlc::set_handler(handler);
}
