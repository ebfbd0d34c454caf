//! `cluec eval`: a checkpoint on held-out images.

use super::{Exit, Format, usage};
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A checkpoint of a run
    pub checkpoint: PathBuf,
    /// Where the images are, instead of where the run read them
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Images at a time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub batch: Option<u64>,
    /// Threads that compute (default: one per core)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub threads: Option<u64>,
    /// How to answer
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

pub fn run(_args: &Args, _out: &mut dyn Write) -> io::Result<Exit> {
    usage("`eval` is not built yet")
}
