//! `cluec train`: from a file to a trained run.

use super::{Exit, usage};
use std::io::{self, Write};
use std::path::PathBuf;

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
    /// Stop after this many steps
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
    /// Threads that decode and augment; their number never changes a result
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub workers: Option<u64>,
    /// Go on with the run in this folder
    #[arg(long, value_name = "RUN")]
    pub resume: Option<PathBuf>,
    /// Folder of the run
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

pub fn run(_args: &Args, _out: &mut dyn Write) -> io::Result<Exit> {
    usage("`train` is not built yet")
}
