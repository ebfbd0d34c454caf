//! `cluec predict`: the most likely classes of images.

use super::executor::{Executor, precision};
use super::session::{Failure, data_of, no_number, restore, threads};
use super::{Exit, options};
use crate::data::{decode, test_pipeline};
use crate::diag::visible;
use crate::exec::all_finite;
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A checkpoint, or the folder of a run: then the one that counts as its result
    #[arg(value_name = "RUN|CHECKPOINT")]
    pub checkpoint: PathBuf,
    /// JPEG, PNG or WebP files
    #[arg(required = true, value_name = "IMAGE")]
    pub images: Vec<PathBuf>,
    /// The parameters themselves, where the run kept a running mean of them (`ema`)
    #[arg(long)]
    pub raw: bool,
    /// How many classes to name
    #[arg(long, value_name = "K", default_value_t = 3,
        value_parser = clap::value_parser!(u64).range(1..))]
    pub top: u64,
    /// Threads that compute (default: one per core)
    #[arg(long, value_name = "N", value_parser = options::threads())]
    pub threads: Option<u64>,
}

pub fn run(args: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    match predict(args, out) {
        Ok(exit) => Ok(exit),
        Err(failure) => failure.report(),
    }
}

fn predict(args: &Args, out: &mut dyn Write) -> Result<Exit, Failure> {
    let (mut checkpoint, model) = restore(&args.checkpoint)?;
    let graph = model.graph.clone().ok_or_else(|| Failure::new("the model is in error"))?;
    let size = graph.input_size();
    // What is done to a test image; then the size the model takes, whatever the image's was.
    let mut pipeline = test_pipeline(data_of(&model)?);
    pipeline.steps.push(crate::data::Step::ResizeTo { size, lanczos: true });
    let executor = Executor::Compiled(precision(model.recipe.as_ref()));
    let weights = checkpoint.take_weights(args.raw);
    let mut evaluator = executor.evaluator(&graph, weights, threads(args.threads))?;
    let mut exit = Exit::Fine;
    for path in &args.images {
        let image = match decode(path) {
            Ok(image) => image,
            Err(error) => {
                exit = Failure::from(error).report()?;
                continue;
            }
        };
        let pixels = pipeline.apply(image, (0, 0, 0));
        let logits = evaluator.logits(&pixels)?;
        if !all_finite(&logits) {
            let what = format!("the logits of {} are no numbers", path.display());
            exit = no_number(&what, executor)?;
            continue;
        }
        writeln!(out, "{}", path.display())?;
        for (class, probability) in ranked(&logits).into_iter().take(args.top as usize) {
            let name = checkpoint.meta.classes.get(class).cloned();
            let name = name.unwrap_or_else(|| format!("class {class}"));
            writeln!(out, "  {:6.2} %  {}", 100.0 * probability, visible(&name))?;
        }
    }
    Ok(exit)
}

/// Classes with their probabilities, the most likely first.
fn ranked(logits: &[f32]) -> Vec<(usize, f64)> {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights: Vec<f64> = logits.iter().map(|l| f64::from(l - max).exp()).collect();
    let sum: f64 = weights.iter().sum();
    let mut classes: Vec<(usize, f64)> = weights.into_iter().map(|w| w / sum).enumerate().collect();
    classes.sort_by(|a, b| b.1.total_cmp(&a.1));
    classes
}
