//! `cluec completions`: what a shell needs to complete our command lines.

use super::{Exit, command};
use std::io::{self, Write};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Of which shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

pub fn run(args: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    // clap_complete panics where it can not write: it writes into memory.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "cluec", &mut script);
    out.write_all(&script)?;
    Ok(Exit::Fine)
}
