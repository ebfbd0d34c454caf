//! `cluec train`: from a file to a trained run.

use super::flags::without_restating;
use super::options::{Running, Which, batch, times};
use super::place;
use super::session::{Failure, load};
use super::training::{Order, on_interrupt};
use super::{Exit, print_reports, select, usage};
use crate::diag::number::many;
use crate::diag::{Argument, Sources, say, typed};
use crate::exec::cpu::kernels::simd;
use crate::model::Spoken;
use crate::runs::{Entry, Run};
use crate::spec::Keep;
use crate::train::{Outcome, RunFolder, TrainError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A .clue file
    #[arg(required_unless_present = "resume")]
    pub file: Option<String>,
    #[command(flatten)]
    pub which: Which,
    /// Epochs, instead of what the recipe says
    #[arg(long, value_name = "N", value_parser = times(1))]
    pub epochs: Option<u64>,
    /// Stop after this many steps of the whole run
    #[arg(long, value_name = "N", value_parser = times(1))]
    pub steps: Option<u64>,
    /// Images per step, instead of what the recipe says
    #[arg(long, value_name = "N", value_parser = batch())]
    pub batch: Option<u64>,
    /// What every random choice follows from
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    #[command(flatten)]
    pub running: Running,
    /// Go on with the run in this folder
    #[arg(long, value_name = "RUN")]
    pub resume: Option<PathBuf>,
    /// Go on although the training images are not those that the run began with
    #[arg(long, requires = "resume")]
    pub other_images: bool,
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
        Some(path) if path.is_file() => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new("."));
            // Of a file of a run the folder is meant; any other one is no run.
            place::run(folder).or_else(|_| place::run(path))?;
            let message = "goes on with a run, named by its folder";
            return Ok(usage(&format!("--resume {message}: --resume {}", typed(folder)))?);
        }
        Some(path) => Some(load(&place::last(&place::run(path)?)?)?),
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
    let name = args.which.address();
    let sets = recipe_sets(args);
    let mut sources = Sources::default();
    let (program, diags) = match &resumed {
        Some(_) => crate::compile_text(&mut sources, &file, &text, &sets),
        None => crate::compile_for(&mut sources, &file, Spoken::One(name.as_deref()), &sets),
    };
    let diags = without_restating(diags, &sources);
    print_reports(&diags, &sources);
    if diags.has_errors() {
        return Ok(Exit::Findings);
    }
    let model = match select(&program, name.as_deref(), "train", &file) {
        Ok(model) => model,
        Err(message) => return Ok(usage(&message)?),
    };
    if let (Some(run), Some(checkpoint)) = (&args.resume, &resumed) {
        unedited(&RunFolder::open(run), [&checkpoint.meta.source, &model.text()])?;
    }
    // Where the run read its images.
    let known = resumed.as_ref().and_then(|checkpoint| checkpoint.meta.data.clone());
    let order = Order {
        ablation: args.which.case.as_ref().and(args.which.name.as_deref()),
        steps: args.steps,
        other_images: args.other_images,
        quiet: false,
        ..Order::quiet((&sources, model), &args.running, known.as_deref())
    };
    if let Err(why) = order.complete() {
        return Ok(usage(&why.to_string())?);
    }
    let ready = order.ready(resumed, !sets.is_empty())?;
    let folder = match &args.resume {
        Some(run) => RunFolder::open(run),
        None => new_run(args, &model.name)?,
    };
    let mut run = order.run()?.after(&ready.state.meta.earlier);
    let known = Run::read(&folder).unwrap_or_else(|why| {
        // The checkpoint is what it goes on from.
        say(format!("warning: {why}; it is written anew"));
        None
    });
    if let (Some(_), Some(known)) = (&args.resume, known) {
        elsewhere(&known, &run);
        run.ablation = known.ablation;
    }
    // Only what the paper trained, as long as it did, is comparable.
    let whole = sets.is_empty() && args.steps.is_none() && run.earlier.is_empty();
    let entry = Entry::begin(folder.clone(), run).map_err(TrainError::Io)?;
    let stop = Arc::new(AtomicBool::new(false));
    on_interrupt(&stop);
    let (recipe, session) = (ready.setup.recipe, &ready.setup.session);
    let (batch, images) = (recipe.batch.value.0, session.opened.train.len());
    if batch > images {
        let images = many(images as u64, "training image");
        say(format!("warning: a batch of {batch} is more than there is: a step takes {images}"));
    }
    // Whether somebody reads it or not, the training goes on.
    let _ = writeln!(
        out,
        "training {} ({} parameters) on {} of {} ({} to test), batch {}, in {}",
        model.name,
        super::number::grouped(session.graph.param_count()),
        many(images as u64, "image"),
        session.opened.train.name(),
        session.opened.test.len(),
        batch,
        folder.path.display()
    );
    let _ = out.flush();
    let (outcome, _) = ready.train(entry, &stop)?;
    let run = typed(&folder.path);
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
            for claim in model.paper.iter().filter(|c| whole && c.quantity == "top1") {
                let ours = 100.0 * (evaluation.top1 - claim.value);
                writeln!(out, "the paper: top-1 {} ({ours:+.2} points here)", claim.written)?;
            }
            writeln!(
                out,
                "the run lies in {}; look closer with: cluec eval {}",
                folder.path.display(),
                typed(&kept)
            )?;
        }
    }
    Ok(Exit::Fine)
}

/// The text that lies in a run's folder is the one it was trained with, or the one that it is to be
/// trained with from now on; if it was edited, that does not go by silently.
fn unedited(folder: &RunFolder, texts: [&str; 2]) -> Result<(), Failure> {
    let Ok(found) = std::fs::read_to_string(folder.source()) else { return Ok(()) };
    if texts.contains(&found.as_str()) {
        return Ok(());
    }
    let (mut ours, mut theirs) = (texts[0].lines(), found.lines());
    let mut number = 0;
    let (our, their) = loop {
        number += 1;
        match (ours.next(), theirs.next()) {
            (None, None) => break ("", ""),
            (our, their) if our != their => break (our.unwrap_or(""), their.unwrap_or("")),
            _ => {}
        }
    };
    let path = folder.source();
    let path = path.display();
    Err(Failure::new(format!(
        "{path} is not the text that the run was trained with\n  trained: line {number}: `{}`\n  \
         found:   line {number}: `{}`\n  help: settings are changed by --set; to go on as it was, \
         remove {path}",
        our.trim(),
        their.trim()
    )))
}

/// The short flags are settings like any other: beside `--set` of the same one they are its second
/// mention, and refused as such.
fn recipe_sets(args: &Args) -> Vec<Argument> {
    let flags = [("--epochs", args.epochs), ("--batch", args.batch), ("--seed", args.seed)];
    let said =
        flags.into_iter().filter_map(|(flag, value)| Some(Argument::of_recipe(flag, value?)));
    args.running.sets.iter().cloned().chain(said).collect()
}

/// What computes otherwise than it did, so that other bits come out.
fn elsewhere(known: &Run, run: &Run) {
    let warn = |what: &str, there: &str, here: &str| {
        say(format!(
            "warning: the run was trained {what} {there} and goes on {what} {here}: it may end in other \
             bits than one that was not interrupted"
        ));
    };
    if known.executor != run.executor {
        return warn("by", &known.executor, &run.executor);
    }
    if let (Some(there), Some(here)) = (&known.instructions, &run.instructions)
        && there != here
    {
        warn("with the instructions", there, here);
        let variable = simd::VARIABLE;
        say(format!("  help: a machine that has them takes them: {variable}={there}"));
    }
}

/// The folder of a new run. One that is named is taken or refused: whoever reads from it afterwards
/// must not find another run there.
fn new_run(args: &Args, name: &str) -> Result<RunFolder, Failure> {
    let made = match &args.out {
        None => RunFolder::create(Path::new("runs"), name),
        Some(out) => RunFolder::create_at(out),
    };
    let wanted = args.out.clone().unwrap_or_else(|| Path::new("runs").join(name));
    made.map_err(|error| {
        let path = wanted.display();
        match (error.kind(), place::run(&wanted)) {
            (io::ErrorKind::AlreadyExists, Ok(run)) if !run.last().is_file() => {
                Failure::new(format!(
                    "{path} holds a run without a checkpoint\n  help: if nobody trains it, remove the \
                     folder, or name another one"
                ))
            }
            (io::ErrorKind::AlreadyExists, Ok(_)) => Failure::new(format!(
                "{path} holds a run already\n  help: go on with it, `cluec train --resume {}`, or name \
                 another folder",
                typed(&wanted)
            )),
            (io::ErrorKind::AlreadyExists, Err(_)) if wanted.exists() => Failure::new(format!(
                "{path} is there already, and no run\n  help: name a folder that is new or empty"
            )),
            _ => Failure::new(format!("{path} can not be made: {error}")),
        }
    })
}
