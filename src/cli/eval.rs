//! `cluec eval`: a checkpoint on held-out images.

use super::room::{Demand, take, take_fitting};
use super::session::{Failure, Images, Session, compare_images, no_number, restore, write};
use super::session::{threads, workers};
use super::table;
use super::{Exit, Format};
use super::{executor, options};
use crate::diag::number::many;
use crate::diag::{say, visible};
use crate::exec::Work;
use crate::passes::Method;
use crate::train::{Batches, Confusion, Mistakes, evaluate};
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A checkpoint, or the folder of a run: then the one that counts as its result
    #[arg(value_name = "RUN|CHECKPOINT")]
    pub checkpoint: PathBuf,
    /// Where the images are, instead of where the run read them
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Images at a time (default: 128, or as many as memory has room for)
    #[arg(long, value_name = "N", value_parser = options::batch())]
    pub batch: Option<u64>,
    /// The parameters themselves, where the run kept a running mean of them (`ema`)
    #[arg(long)]
    pub raw: bool,
    /// Threads that compute (default: one per core)
    #[arg(long, value_name = "N", value_parser = options::threads())]
    pub threads: Option<u64>,
    #[command(flatten)]
    pub executor: executor::Options,
    /// Draw what is taken for what into this SVG file
    #[arg(long, value_name = "FILE")]
    pub confusion: Option<PathBuf>,
    /// How to answer
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Images at a time where there is room.
const BATCH: usize = 128;

pub fn run(args: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    match eval(args, out) {
        Ok(exit) => Ok(exit),
        Err(failure) => failure.report(),
    }
}

fn eval(args: &Args, out: &mut dyn Write) -> Result<Exit, Failure> {
    let (mut checkpoint, model) = restore(&args.checkpoint)?;
    let session = Session::reopen(&checkpoint, &model, args.data.as_deref())?;
    let known = checkpoint.meta.train_fingerprint.as_deref();
    compare_images(known, &session.opened, args.data.is_some());
    let executor = args.executor.evaluation(model.recipe.as_ref())?;
    let (threads, workers) = (threads(args.threads), workers(None));
    let demand = Demand {
        executor,
        graph: &session.graph,
        method: Method { precision: executor.precision(), ..Method::default() },
        work: Work::Inference,
        threads,
        workers,
        batch: args.batch.map_or(BATCH, |n| n as usize).min(session.opened.test.len()).max(1),
        held: 0,
    };
    let place = match args.batch {
        Some(_) => take(&demand).map(|place| (place, demand.batch)),
        None => take_fitting(&demand),
    };
    let (_place, batch) = place.map_err(|excess| Failure::new(excess.told()))?;
    if batch < demand.batch {
        say(format!("{} at a time: memory has room for no more", many(batch as u64, "image")));
    }
    let images = Images {
        opened: &session.opened,
        train: false,
        batch,
        workers,
        seed: 0,
        size: session.graph.input_size(),
        views: None,
    };
    let weights = checkpoint.take_weights(args.raw);
    let mut evaluator = executor.evaluator(&session.graph, weights, threads)?;
    let classes = session.graph.classes();
    let result = evaluate(&mut *evaluator, images.epoch(0, 0), classes);
    session.name_broken();
    let result = result.map_err(Failure::new)?;
    let exit = match result.loss.is_finite() {
        true => Exit::Fine,
        false => no_number(&format!("the loss is {}", result.loss), executor)?,
    };
    if let (Exit::Fine, Some(overflow)) = (exit, result.overflow(executor.precision())) {
        say(format!("warning: {overflow}"));
    }
    let names = session.opened.test.classes();
    if let Some(path) = &args.confusion {
        write(path, result.confusion.svg(names))?;
    }
    if args.format == Format::Json {
        let per_class: Vec<_> = names
            .iter()
            .zip(&result.per_class)
            .map(|(name, (right, all))| serde_json::json!({"class": name, "right": right, "images": all}))
            .collect();
        let report = serde_json::json!({
            "model": model.name,
            "step": checkpoint.meta.step,
            "images": result.images,
            "broken": result.broken,
            "overflowed": result.overflowed,
            "loss": result.loss,
            "top1": result.top1,
            "top3": result.top3,
            "per_class": per_class,
            // Rows are classes, columns what they were taken for.
            "confusion": result.confusion.rows().collect::<Vec<_>>(),
        });
        writeln!(out, "{report:#}")?;
        return Ok(exit);
    }
    let shown: Vec<_> = names.iter().map(|name| visible(name)).collect();
    let width = shown.iter().map(|n| n.chars().count()).max().unwrap_or(0);
    for (name, (right, all)) in shown.iter().zip(&result.per_class) {
        let part = 100.0 * *right as f64 / (*all).max(1) as f64;
        writeln!(out, "{name:<width$}  {part:6.2} %  ({right} of {all})")?;
    }
    mistakes(&result.confusion, names, out)?;
    writeln!(
        out,
        "{} at step {}: loss {:.4}, top-1 {:.2} %, top-3 {:.2} % on {} images",
        model.name,
        checkpoint.meta.step,
        result.loss,
        100.0 * result.top1,
        100.0 * result.top3,
        result.images
    )?;
    Ok(exit)
}

/// What is taken for what most often.
fn mistakes(confusion: &Confusion, names: &[String], out: &mut dyn Write) -> io::Result<()> {
    let name = |class: usize| names.get(class).cloned().unwrap_or_default();
    let Some(Mistakes { table: worst, more }) = confusion.worst(name) else { return Ok(()) };
    write!(out, "\n{}", worst.render(table::room()))?;
    match more {
        0 => writeln!(out),
        more => writeln!(out, "and {more} more pairs\n"),
    }
}
