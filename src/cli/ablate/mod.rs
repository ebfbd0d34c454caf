//! `cluec ablate`: every case of an ablation beside its model; trained, if that is asked for.

#[cfg(feature = "train")]
mod chart;
pub mod csv;
mod human;
mod json;
mod latex;
mod markdown;
mod quantity;
mod sheet;
#[cfg(feature = "train")]
mod training;
#[cfg(feature = "train")]
mod trials;

use super::flags::without_restating;
use super::{Exit, print_reports, table, usage};
use crate::diag::{Argument, Sources, suggest};
use crate::model::{Ablation, Program, Quantity, Spoken};
use sheet::Sheet;
use std::io::{self, Write};
#[cfg(feature = "train")]
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A .clue file, or `-` for standard input
    file: String,
    /// Which ablation (default: all of the file)
    name: Option<String>,
    /// Epochs, instead of what recipes say
    #[arg(long, value_name = "N", value_parser = super::options::times(1))]
    epochs: Option<u64>,
    /// Change a setting of the model and of every case: `recipe.batch=64`, `input=64x64`
    #[arg(long = "set", value_name = "PATH=VALUE")]
    sets: Vec<Argument>,
    /// How to answer
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    #[cfg(feature = "train")]
    #[command(flatten)]
    training: trials::Options,
}

/// How `ablate` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Form {
    /// For reading
    #[default]
    Human,
    /// For programs; its shape is a contract
    Json,
    /// For documents
    Markdown,
    /// For spreadsheets
    Csv,
    /// For papers, with booktabs and hyperref
    Latex,
}

/// What is counted without training.
const COUNTED: [Quantity; 4] =
    [Quantity::Params, Quantity::Macs, Quantity::Ptflops, Quantity::Memory];

pub fn run(args: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    let mut sources = Sources::default();
    let sets = sets(args);
    let of = args.name.as_deref().map_or(Spoken::All, |name| Spoken::One(Some(name)));
    let (program, diags) = crate::compile_for(&mut sources, &args.file, of, &sets);
    let diags = without_restating(diags, &sources);
    print_reports(&diags, &sources);
    let ablations = match chosen(&program, args) {
        Ok(ablations) => ablations,
        Err(_) if program.ablations.is_empty() && diags.has_errors() => return Ok(Exit::Findings),
        Err(message) => return usage(&message),
    };
    #[cfg(feature = "train")]
    if args.training.train && !diags.has_errors() {
        return match training::train(args, &Arc::new(sources), &ablations, out) {
            Ok(exit) => Ok(exit),
            Err(failure) => failure.report(),
        };
    }
    let sheets: Vec<Sheet> =
        ablations.iter().map(|a| Sheet::new(a, COUNTED.to_vec(), Vec::new())).collect();
    write!(out, "{}", report(args, &sheets))?;
    Ok(if diags.has_errors() { Exit::Findings } else { Exit::Fine })
}

/// The short flags are settings like any other, over everything else.
fn sets(args: &Args) -> Vec<Argument> {
    let epochs = args.epochs.map(|epochs| Argument::of_recipe("--epochs", epochs));
    args.sets.iter().cloned().chain(epochs).collect()
}

/// The named ablation, or all.
fn chosen<'a>(program: &'a Program, args: &Args) -> Result<Vec<&'a Ablation>, String> {
    let all = || program.ablations.iter();
    if program.ablations.is_empty() {
        return Err(format!(
            "there is no ablation in {}; write one: `ablation NAME of MODEL {{ case … }}`",
            args.file
        ));
    }
    let Some(name) = &args.name else { return Ok(all().collect()) };
    let found = all().find(|ablation| ablation.name == *name);
    found.map(|ablation| vec![ablation]).ok_or_else(|| {
        let names: Vec<&str> = all().map(|ablation| ablation.name.as_str()).collect();
        format!("there is no ablation `{name}` in {}; {}", args.file, suggest(name, &names))
    })
}

fn report(args: &Args, sheets: &[Sheet]) -> String {
    let each =
        |form: &dyn Fn(&Sheet) -> String| sheets.iter().map(form).collect::<Vec<_>>().join("\n");
    match args.format {
        Form::Human => each(&|sheet| human::report(sheet, table::room())),
        Form::Markdown => each(&markdown::report),
        Form::Latex => each(&latex::report),
        Form::Csv => each(&csv::report),
        Form::Json => format!("{:#}\n", json::report(&args.file, sheets)),
    }
}
