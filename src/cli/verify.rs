//! `cluec verify`: a model against the tensors of a reference implementation.

use super::{Exit, Format, usage};
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A .clue file
    pub file: String,
    /// The model, if the file holds several, then one or more reference files
    #[arg(required = true, value_name = "[NAME] REFERENCE.safetensors")]
    pub rest: Vec<PathBuf>,
    /// Largest absolute error of an activation
    #[arg(long)]
    pub atol: Option<f64>,
    /// Largest relative error (L2) of a gradient
    #[arg(long)]
    pub rtol: Option<f64>,
    /// How to answer
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

impl Args {
    /// The model's name, if it was given: what does not look like a file of tensors.
    pub fn split(&self) -> (Option<&str>, &[PathBuf]) {
        match self.rest.split_first() {
            Some((first, references)) if first.extension().is_none() => {
                (first.to_str(), references)
            }
            _ => (None, &self.rest),
        }
    }
}

pub fn run(args: &Args, _out: &mut dyn Write) -> io::Result<Exit> {
    let (_name, references) = args.split();
    if references.is_empty() {
        return usage("`verify` needs at least one reference file: REFERENCE.safetensors");
    }
    usage("`verify` is not built yet")
}
