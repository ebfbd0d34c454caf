//! `cluec man`: manual pages, one for the whole and one for every verb.

use super::{Exit, command, usage};
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the pages go: `cluec.1`, `cluec-check.1` …
    dir: PathBuf,
}

pub fn run(args: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    let written = std::fs::create_dir_all(&args.dir)
        .and_then(|()| clap_mangen::generate_to(command(), &args.dir));
    if let Err(error) = written {
        return usage(&format!("{} can not be written: {error}", args.dir.display()));
    }
    writeln!(out, "{}: read one with `man -l {0}/cluec.1`", args.dir.display())?;
    Ok(Exit::Fine)
}
