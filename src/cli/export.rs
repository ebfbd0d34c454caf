//! `cluec export`: the weights of a checkpoint, or the whole model, for other programs.

use super::session::{Failure, restore, write};
use super::{Exit, place};
use crate::data::test_pipeline;
use crate::diag::number::grouped;
use crate::model::Checked;
use crate::train::Checkpoint;
use crate::weights::{About, onnx, own, published};
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A checkpoint, or the folder of a run: then the one that counts as its result
    #[arg(value_name = "RUN|CHECKPOINT")]
    pub checkpoint: PathBuf,
    /// The parameters themselves, where the run kept a running mean of them (`ema`)
    #[arg(long)]
    pub raw: bool,
    /// As what
    #[arg(long, value_enum)]
    pub format: Target,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Target {
    /// Tensors under cluec's names, channels last
    Safetensors,
    /// Safetensors under the names of the published code, in its layout
    Published,
    /// The model with its weights: `image` in, `logits` out
    Onnx,
}

pub fn run(args: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    match export(args, out) {
        Ok(()) => Ok(Exit::Fine),
        Err(failure) => failure.report(),
    }
}

fn export(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    place::spare_given(&args.out, &[&args.checkpoint])?;
    let (checkpoint, model) = restore(&args.checkpoint)?;
    let graph = model.graph.as_ref().ok_or_else(|| Failure::new("the model is in error"))?;
    let about = about(&checkpoint, &model);
    let parameters = checkpoint.weights(args.raw);
    let failed = |error: &dyn std::fmt::Display| Failure::new(error.to_string());
    let bytes = match args.format {
        Target::Safetensors => own(graph, parameters, &about).map_err(|e| failed(&e))?,
        Target::Published => published(graph, parameters, &about).map_err(|e| failed(&e))?,
        Target::Onnx => onnx::export(graph, parameters, &about).map_err(|e| failed(&e))?,
    };
    write(&args.out, &bytes)?;
    writeln!(
        out,
        "{}: {} with {} parameters, {} bytes",
        args.out.display(),
        model.name,
        grouped(graph.param_count()),
        grouped(bytes.len() as u64)
    )?;
    Ok(())
}

/// What whoever runs the model has to know: its text, its classes, how images are normalized.
fn about(checkpoint: &Checkpoint, model: &Checked) -> About {
    let mut about = About::from([
        ("cluec".to_string(), checkpoint.meta.version.clone()),
        ("model".to_string(), model.name.clone()),
        ("source".to_string(), checkpoint.meta.source.clone()),
        ("layout".to_string(), "NHWC".to_string()),
    ]);
    if !checkpoint.meta.classes.is_empty() {
        about.insert("classes".into(), serde_json::json!(checkpoint.meta.classes).to_string());
    }
    if let Some(data) = &model.data {
        let pipeline = test_pipeline(data);
        about.insert("mean".into(), serde_json::json!(pipeline.mean).to_string());
        about.insert("std".into(), serde_json::json!(pipeline.std).to_string());
    }
    about
}
