//! `cluec fmt`: files in their canonical form.

use super::{Exit, print_reports, usage};
use crate::diag::Sources;
use crate::diag::say;
use std::io::{self, Write};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// .clue files, which are rewritten; `-` is standard input, and its form the answer
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Write nothing; name the files that are not in canonical form and exit with 1
    #[arg(long)]
    check: bool,
}

pub fn run(args: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    if args.files.iter().filter(|file| *file == "-").count() > 1 {
        return usage("standard input (`-`) can be read only once");
    }
    let mut exit = Exit::Fine;
    for file in &args.files {
        let mut sources = Sources::default();
        let (text, formatted) = match crate::format_file(&mut sources, file) {
            Ok(texts) => texts,
            Err(diags) => {
                print_reports(&diags, &sources);
                exit = Exit::Findings;
                continue;
            }
        };
        if args.check {
            if text != formatted {
                writeln!(out, "{file}: not in canonical form")?;
                exit = Exit::Findings;
            }
        } else if file == "-" {
            out.write_all(formatted.as_bytes())?;
        } else if text != formatted
            && let Err(error) = std::fs::write(file, formatted)
        {
            say(format!("error: {file} can not be written: {error}"));
            exit = Exit::Findings;
        }
    }
    Ok(exit)
}
