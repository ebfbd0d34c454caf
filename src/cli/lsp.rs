//! `cluec lsp`: the language server, for editors.

use super::Exit;
use std::io::{self, Write};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Over standard input and output, which is the only way; editors say it
    #[arg(long, hide = true)]
    stdio: bool,
}

pub fn run(_: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    Ok(if crate::lsp::serve(io::stdin(), out)? { Exit::Fine } else { Exit::Findings })
}
