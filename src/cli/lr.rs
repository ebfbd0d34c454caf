//! `cluec lr`: how large a learning rate a model takes.

use super::options::{Running, Which, times};
use super::session::{Failure, write};
use super::training::{Order, on_interrupt};
use super::{Exit, Format, sound, usage};
use crate::train::{Found, Range};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A .clue file
    pub file: String,
    #[command(flatten)]
    pub which: Which,
    /// The first learning rate
    #[arg(long, value_name = "LR", default_value_t = Range::default().from)]
    pub from: f64,
    /// The last learning rate
    #[arg(long, value_name = "LR", default_value_t = Range::default().to)]
    pub to: f64,
    /// Steps from the one to the other
    #[arg(long, value_name = "N", default_value_t = Range::default().steps,
        value_parser = times(3))]
    pub steps: u64,
    /// Rates that grow by the same amount, not by the same factor
    #[arg(long)]
    pub linear: bool,
    /// Draw the losses over the rates into this SVG file
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub running: Running,
    /// How to answer
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

pub fn run(args: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    match lr(args, out) {
        Ok(exit) => Ok(exit),
        Err(failure) => failure.report(),
    }
}

fn lr(args: &Args, out: &mut dyn Write) -> Result<Exit, Failure> {
    let Args { from, to, steps, linear, .. } = *args;
    if !(from > 0.0 && from < to && to.is_finite()) {
        return Ok(usage("--from is above 0 and below --to")?);
    }
    let name = args.which.address();
    let (sources, model) = match sound("lr", &args.file, name.as_deref(), &args.running.sets)? {
        Ok(opened) => opened,
        Err(exit) => return Ok(exit),
    };
    let order = Order::quiet((&sources, &model), &args.running, None);
    let ready = order.ready(None, false)?;
    let stop = Arc::new(AtomicBool::new(false));
    on_interrupt(&stop);
    let range = Range { from, to, steps, linear };
    let Some(found) = ready.setup.range(range, &stop)? else { return Ok(Exit::Findings) };
    ready.setup.session.name_broken();
    if let Some(path) = &args.out {
        write(path, found.svg())?;
    }
    if args.format == Format::Json {
        let report = serde_json::json!({
            "model": model.name,
            "suggestion": found.suggestion,
            "diverged": found.diverged,
            "skipped": found.skipped,
            "points": found.points,
        });
        writeln!(out, "{report:#}")?;
    } else {
        writeln!(out, "{}", sentence(&model.name, &found))?;
    }
    Ok(if found.suggestion.is_some() { Exit::Fine } else { Exit::Findings })
}

fn sentence(model: &str, found: &Found) -> String {
    let (steps, last) = (found.points.len(), found.points.last());
    let tried = match (found.diverged, last) {
        (true, Some(last)) => format!("the loss diverged after {steps} steps, at {:.1e}", last.lr),
        (true, None) => "the loss was no number at once".to_string(),
        (false, _) => format!("{steps} steps, and the loss did not diverge"),
    };
    let tried = match found.skipped {
        0 => tried,
        skipped => format!("{tried}; {skipped} more were skipped, overflowing in fp16"),
    };
    match found.suggestion {
        Some(lr) => {
            format!("{model}: lr {lr:.1e}, where the smoothed loss falls fastest ({tried})")
        }
        None => format!("{model}: at no rate the loss fell ({tried})"),
    }
}
