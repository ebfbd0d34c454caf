//! The command line: one verb, one file. Everything a verb prints goes through the writer it is
//! handed, so that a closed pipe is an error value and never a panic.

pub mod ablate;
#[cfg(feature = "train")]
pub mod bench;
pub mod check;
mod completions;
#[cfg(feature = "train")]
pub mod data;
pub mod device;
pub mod devices;
pub mod diff;
#[cfg(feature = "train")]
pub mod eval;
#[cfg(feature = "train")]
pub mod executor;
pub mod explain;
#[cfg(feature = "train")]
pub mod export;
mod flags;
pub mod fmt;
pub mod graph;
#[cfg(feature = "train")]
pub mod import;
#[cfg(feature = "train")]
pub mod lr;
mod lsp;
mod man;
pub mod needs;
pub mod new;
pub mod options;
#[cfg(feature = "train")]
mod place;
#[cfg(feature = "train")]
pub mod predict;
pub mod reference;
#[cfg(feature = "train")]
pub mod report;
#[cfg(feature = "train")]
mod room;
#[cfg(feature = "train")]
pub mod runs;
#[cfg(feature = "train")]
pub mod see;
#[cfg(feature = "train")]
mod session;
pub mod summary;
pub mod table;
#[cfg(feature = "train")]
pub mod train;
#[cfg(feature = "train")]
mod training;
#[cfg(feature = "train")]
pub mod verify;
#[cfg(feature = "train")]
pub mod verify_resume;

pub use crate::diag::number;
use crate::diag::{Argument, Diagnostic, Diags, Sources, render, say};
use crate::exec::cpu::kernels::simd;
use crate::graph::Graph;
use crate::model::{Ablation, Checked, Program, Spoken};
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use std::io::{self, Write};
use std::process::ExitCode;

/// A compiler and trainer for vision models of the clustering paradigm.
#[derive(Debug, Parser)]
#[command(name = "cluec", version, arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Report every mistake and the counts of every model
    Check(check::Args),
    /// Write a commented file to start from
    New(new::Args),
    /// Put files into their canonical form
    Fmt(fmt::Args),
    /// Print what every stage of a model gives and costs
    Summary(summary::Args),
    /// Print the graph a model is lowered to
    Graph(graph::Args),
    /// Compare two models: settings, parameters, costs
    Diff(diff::Args),
    /// Compare the cases of an ablation; with --train, train them
    Ablate(ablate::Args),
    /// Say what a kind, a setting or a code means, and where a value comes from
    Explain(explain::Args),
    /// Serve an editor: mistakes as you type, completion, names
    Lsp(lsp::Args),
    /// Show what there is to run on
    Devices(devices::Args),
    /// Survey the images of a model: counts, sizes, classes, twins, what is broken
    #[cfg(feature = "train")]
    Data(data::Args),
    /// Train a model, or go on with a run
    #[cfg(feature = "train")]
    Train(train::Args),
    /// Find how large a learning rate a model takes
    #[cfg(feature = "train")]
    Lr(lr::Args),
    /// List, compare, show and prune what was trained
    #[cfg(feature = "train")]
    Runs(runs::Args),
    /// Measure a checkpoint on held-out images
    #[cfg(feature = "train")]
    Eval(eval::Args),
    /// Name what a checkpoint sees in images
    #[cfg(feature = "train")]
    Predict(predict::Args),
    /// Draw what a network sees: clusters by stage and head, and what they are worth
    #[cfg(feature = "train")]
    See(see::Args),
    /// Write one HTML file that tells all of a run
    #[cfg(feature = "train")]
    Report(report::Args),
    /// Compare a model with the tensors of a reference implementation
    #[cfg(feature = "train")]
    Verify(verify::Args),
    /// Show that an interrupted training ends in the bits of one that was not
    #[cfg(feature = "train")]
    VerifyResume(verify_resume::Args),
    /// Make a checkpoint of weights that were trained elsewhere
    #[cfg(feature = "train")]
    Import(import::Args),
    /// Write the weights of a checkpoint, or the whole model, for other programs
    #[cfg(feature = "train")]
    Export(export::Args),
    /// Measure how fast a model trains and evaluates, and in how much memory
    #[cfg(feature = "train")]
    Bench(bench::Args),
    /// Survey the images of a model: counts, sizes, classes, twins, what is broken
    #[cfg(not(feature = "train"))]
    Data(Absent),
    /// Train a model, or go on with a run
    #[cfg(not(feature = "train"))]
    Train(Absent),
    /// Find how large a learning rate a model takes
    #[cfg(not(feature = "train"))]
    Lr(Absent),
    /// List, compare, show and prune what was trained
    #[cfg(not(feature = "train"))]
    Runs(Absent),
    /// Measure a checkpoint on held-out images
    #[cfg(not(feature = "train"))]
    Eval(Absent),
    /// Name what a checkpoint sees in images
    #[cfg(not(feature = "train"))]
    Predict(Absent),
    /// Draw what a network sees: clusters by stage and head, and what they are worth
    #[cfg(not(feature = "train"))]
    See(Absent),
    /// Write one HTML file that tells all of a run
    #[cfg(not(feature = "train"))]
    Report(Absent),
    /// Compare a model with the tensors of a reference implementation
    #[cfg(not(feature = "train"))]
    Verify(Absent),
    /// Show that an interrupted training ends in the bits of one that was not
    #[cfg(not(feature = "train"))]
    VerifyResume(Absent),
    /// Make a checkpoint of weights that were trained elsewhere
    #[cfg(not(feature = "train"))]
    Import(Absent),
    /// Write the weights of a checkpoint, or the whole model, for other programs
    #[cfg(not(feature = "train"))]
    Export(Absent),
    /// Measure how fast a model trains and evaluates, and in how much memory
    #[cfg(not(feature = "train"))]
    Bench(Absent),
    /// Print what a shell needs to complete command lines
    Completions(completions::Args),
    /// Write manual pages
    Man(man::Args),
    /// Print docs/reference.md
    #[command(hide = true)]
    Reference,
}

/// Takes whatever a verb that was not built would have taken.
#[cfg(not(feature = "train"))]
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
struct Absent {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _rest: Vec<std::ffi::OsString>,
}

/// How a verb answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For reading
    #[default]
    Human,
    /// For programs; its shape is a contract
    Json,
}

/// What the exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: nothing to object to.
    Fine,
    /// 1: the tool worked and found something: a mistake in a file, a number out of tolerance.
    Findings,
    /// 2: the command itself cannot be followed.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        match exit {
            Exit::Fine => ExitCode::SUCCESS,
            Exit::Findings => ExitCode::from(1),
            Exit::Usage => ExitCode::from(2),
        }
    }
}

/// Runs the command line of this process. An error is one of writing the answer.
pub fn run() -> io::Result<Exit> {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(refusal) => {
            refusal.print()?;
            return Ok(if refusal.use_stderr() { Exit::Usage } else { Exit::Fine });
        }
    };
    if let Some(message) = simd::misnamed() {
        return usage(&message);
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    let exit = match &cli.verb {
        Verb::Check(args) => check::run(args, &mut out),
        Verb::New(args) => new::run(args, &mut out),
        Verb::Fmt(args) => fmt::run(args, &mut out),
        Verb::Summary(args) => summary::run(args, &mut out),
        Verb::Graph(args) => graph::run(args, &mut out),
        Verb::Diff(args) => diff::run(args, &mut out),
        Verb::Ablate(args) => ablate::run(args, &mut out),
        Verb::Explain(args) => explain::run(args, &mut out),
        Verb::Lsp(args) => lsp::run(args, &mut out),
        Verb::Completions(args) => completions::run(args, &mut out),
        Verb::Man(args) => man::run(args, &mut out),
        Verb::Reference => reference::run(&mut out),
        Verb::Devices(args) => devices::run(args, &mut out),
        #[cfg(feature = "train")]
        Verb::Data(args) => data::run(args, &mut out),
        #[cfg(feature = "train")]
        Verb::Train(args) => train::run(args, &mut out),
        #[cfg(feature = "train")]
        Verb::Lr(args) => lr::run(args, &mut out),
        #[cfg(feature = "train")]
        Verb::Runs(args) => runs::run(args, &mut out),
        #[cfg(feature = "train")]
        Verb::Eval(args) => eval::run(args, &mut out),
        #[cfg(feature = "train")]
        Verb::Predict(args) => predict::run(args, &mut out),
        #[cfg(feature = "train")]
        Verb::See(args) => see::run(args, &mut out),
        #[cfg(feature = "train")]
        Verb::Report(args) => report::run(args, &mut out),
        #[cfg(feature = "train")]
        Verb::Verify(args) => verify::run(args, &mut out),
        #[cfg(feature = "train")]
        Verb::VerifyResume(args) => verify_resume::run(args, &mut out),
        #[cfg(feature = "train")]
        Verb::Import(args) => import::run(args, &mut out),
        #[cfg(feature = "train")]
        Verb::Export(args) => export::run(args, &mut out),
        #[cfg(feature = "train")]
        Verb::Bench(args) => bench::run(args, &mut out),
        #[cfg(not(feature = "train"))]
        Verb::Data(_)
        | Verb::Train(_)
        | Verb::Lr(_)
        | Verb::Runs(_)
        | Verb::Eval(_)
        | Verb::Predict(_)
        | Verb::See(_)
        | Verb::Report(_)
        | Verb::Verify(_)
        | Verb::VerifyResume(_)
        | Verb::Import(_)
        | Verb::Export(_)
        | Verb::Bench(_) => usage("this cluec was built without the `train` feature"),
    }?;
    out.flush()?;
    Ok(exit)
}

/// The command line, for completions and manual pages.
fn command() -> clap::Command {
    Cli::command()
}

/// Says on standard error why a command cannot be followed.
pub(crate) fn usage(message: &str) -> io::Result<Exit> {
    say(format!("error: {message}"));
    Ok(Exit::Usage)
}

/// Prints every report to standard error, a blank line between two.
pub(crate) fn print_reports(diags: &Diags, sources: &Sources) {
    for diagnostic in &diags.0 {
        say(render::report(diagnostic, sources));
    }
}

/// Prints why an argument can not be followed.
pub(crate) fn refused((sources, diagnostic): (Sources, Diagnostic)) -> io::Result<Exit> {
    print_reports(&vec![diagnostic].into(), &sources);
    Ok(Exit::Usage)
}

/// What a command speaks of: one model of one file, lowered.
pub(crate) struct Opened {
    pub sources: Sources,
    pub model: Checked,
    pub graph: Graph,
    /// Findings if something else in the file is in error.
    pub exit: Exit,
}

/// Reads and checks a file, prints its reports, and picks the model. Where there is none to speak
/// of, that has been said, and the command ends with the exit.
pub(crate) fn open(
    verb: &str,
    file: &str,
    name: Option<&str>,
    sets: &[Argument],
) -> io::Result<Result<Opened, Exit>> {
    let mut sources = Sources::default();
    let (program, diags) = crate::compile_for(&mut sources, file, Spoken::One(name), sets);
    print_reports(&diags, &sources);
    let mut model = match select(&program, name, verb, file) {
        Ok(model) => model.clone(),
        // Without a readable file there is no model to speak of: the reports said it.
        Err(_) if program.models.is_empty() && diags.has_errors() => {
            return Ok(Err(Exit::Findings));
        }
        Err(message) => return usage(&message).map(Err),
    };
    let exit = if diags.has_errors() { Exit::Findings } else { Exit::Fine };
    Ok(match model.graph.take() {
        Some(graph) => Ok(Opened { sources, model, graph, exit }),
        None => Err(Exit::Findings),
    })
}

/// The same for what is run, with the text it stands in: nothing in the file may be in error.
#[cfg(feature = "train")]
pub(crate) fn sound(
    verb: &str,
    file: &str,
    name: Option<&str>,
    sets: &[Argument],
) -> io::Result<Result<(Sources, Checked), Exit>> {
    let mut sources = Sources::default();
    let (program, diags) = crate::compile_for(&mut sources, file, Spoken::One(name), sets);
    print_reports(&diags, &sources);
    if diags.has_errors() {
        return Ok(Err(Exit::Findings));
    }
    match select(&program, name, verb, file) {
        Ok(model) => Ok(Ok((sources, model.clone()))),
        Err(message) => usage(&message).map(Err),
    }
}

/// How a case is called where one word names a model.
pub(crate) fn address(name: Option<&str>, case: Option<&str>) -> Option<String> {
    name.map(|name| case.map_or(name.to_string(), |case| format!("{name}.{case}")))
}

/// The model a command speaks of: the named one (of a case, `ablation.case`), or the only one there
/// is. `verb` and `file` are for the sentence that says what to write instead.
pub fn select<'a>(
    program: &'a Program,
    name: Option<&str>,
    verb: &str,
    file: &str,
) -> Result<&'a Checked, String> {
    let names: Vec<&str> = program.models.iter().map(|model| model.name.as_str()).collect();
    match (name, program.models.as_slice()) {
        (Some(name), models) => {
            match (models.iter().find(|m| m.name == name), name.split_once('.')) {
                (Some(model), _) => Ok(model),
                (None, Some((ablation, case))) => select_case(program, ablation, case, file),
                (None, None) => Err(match program.ablations.iter().find(|a| a.name == name) {
                    Some(ablation) => whose_cases(ablation, verb, file),
                    None => {
                        let ablations = program.ablations.iter().map(|a| a.name.as_str());
                        let known: Vec<&str> = names.into_iter().chain(ablations).collect();
                        let near = crate::diag::suggest(name, &known);
                        format!("there is no model `{name}` in {file}; {near}")
                    }
                }),
            }
        }
        (None, [only]) => Ok(only),
        (None, []) => Err(match program.ablations.first() {
            Some(ablation) => whose_cases(ablation, verb, file),
            None => format!("there is no model in {file}"),
        }),
        (None, [first, ..]) => Err(format!(
            "{} models here: {}; say which: {}",
            number::word(names.len()),
            names.join(", "),
            speaks_of(verb, file, &[&first.name])
        )),
    }
}

fn select_case<'a>(
    program: &'a Program,
    ablation: &str,
    case: &str,
    file: &str,
) -> Result<&'a Checked, String> {
    let Some(found) = program.ablations.iter().find(|a| a.name == ablation) else {
        let names: Vec<&str> = program.ablations.iter().map(|a| a.name.as_str()).collect();
        let near = crate::diag::suggest(ablation, &names);
        return Err(format!("there is no ablation `{ablation}` in {file}; {near}"));
    };
    let models = || found.cases.iter().map(|case| &case.model);
    models().find(|model| model.name == case).ok_or_else(|| {
        let names: Vec<&str> = models().map(|model| model.name.as_str()).collect();
        let near = crate::diag::suggest(case, &names);
        format!("the ablation `{ablation}` has no case `{case}`; {near}")
    })
}

fn whose_cases(ablation: &Ablation, verb: &str, file: &str) -> String {
    let names: Vec<&str> = ablation.cases.iter().map(|case| case.model.name.as_str()).collect();
    let (name, first) = (&ablation.name, names.first().unwrap_or(&"CASE"));
    format!(
        "`{name}` is an ablation with the cases {}; say which: {}",
        names.join(", "),
        speaks_of(verb, file, &[name.as_str(), first])
    )
}

/// How a verb speaks of a model or a case.
fn speaks_of(verb: &str, file: &str, names: &[&str]) -> String {
    match verb {
        "diff" => format!("`{file}:{}`", names.join(".")),
        _ => format!("`cluec {verb} {file} {}`", names.join(" ")),
    }
}
