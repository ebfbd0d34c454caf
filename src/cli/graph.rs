//! `cluec graph`: the stable text form of a model's graph.

use super::{Exit, print_reports, select, usage};
use crate::diag::Sources;
use crate::passes::{self, Keep};
use crate::plan::Plan;
use std::io::{self, Write};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A .clue file, or `-` for standard input
    file: String,
    /// Which model, if the file holds several
    name: Option<String>,
    /// The training step: its kernels in order, where their results lie in memory, what they move
    #[arg(long)]
    planned: bool,
    /// Change a setting: `mixer.grid=8x8`, `width@3=160`
    #[arg(long = "set", value_name = "PATH=VALUE")]
    sets: Vec<String>,
}

pub fn run(args: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    let mut sources = Sources::default();
    let (program, diags) =
        crate::compile_for(&mut sources, &args.file, args.name.as_deref(), &args.sets);
    print_reports(&diags, &sources)?;
    let model = match select(&program, args.name.as_deref(), "graph", &args.file) {
        Ok(model) => model,
        // Without a readable file there is no model to speak of: the reports said it.
        Err(_) if program.models.is_empty() && diags.has_errors() => return Ok(Exit::Findings),
        Err(message) => return usage(&message),
    };
    match &model.graph {
        Some(graph) if args.planned => {
            let step = passes::step(graph, None, Keep::Output);
            write!(out, "{}", Plan::new(step, Keep::Output))?;
        }
        Some(graph) => write!(out, "{graph}")?,
        None => {}
    }
    Ok(if diags.has_errors() { Exit::Findings } else { Exit::Fine })
}
