//! `cluec predict`: the most likely classes of images.

use super::{Exit, usage};
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A checkpoint of a run
    pub checkpoint: PathBuf,
    /// JPEG or PNG files
    #[arg(required = true, value_name = "IMAGE")]
    pub images: Vec<PathBuf>,
    /// How many classes to name
    #[arg(long, value_name = "K", default_value_t = 3,
        value_parser = clap::value_parser!(u64).range(1..))]
    pub top: u64,
}

pub fn run(_args: &Args, _out: &mut dyn Write) -> io::Result<Exit> {
    usage("`predict` is not built yet")
}
