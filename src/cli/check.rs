//! `cluec check`: every mistake of every file, and what its models count.

pub mod github;
pub mod sarif;

use super::needs::{self, Asked, Needs};
use super::table::{self, Side, Table};
use super::{Exit, number, print_reports, refused, usage};
use crate::diag::{Argument, Diagnostic, Diags, Help, Sources, render};
use crate::graph::Graph;
use crate::model::{Ablation, Case, Checked, Claim, Program};
use crate::plan::Plan;
use serde_json::{Value, json};
use std::io::{self, Write};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// .clue files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Change a setting of every model: `mixer.grid=8x8`, `width@3=160`
    #[arg(long = "set", value_name = "PATH=VALUE")]
    sets: Vec<Argument>,
    #[command(flatten)]
    needs: needs::Options,
    /// How to answer
    #[arg(long, value_enum, default_value_t)]
    format: Form,
}

/// How `check` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Form {
    /// For reading
    #[default]
    Human,
    /// For programs; its shape is a contract
    Json,
    /// For code scanning and editors: SARIF 2.1.0
    Sarif,
    /// For workflows: annotations of a pull request
    Github,
}

/// What checking one file gave.
pub struct Outcome {
    /// As on the command line.
    pub file: String,
    pub sources: Sources,
    pub program: Program,
    pub diags: Diags,
    /// What its models need, by their place in the program.
    pub needs: Vec<(usize, Needs)>,
}

impl Outcome {
    /// Counts what every model needs, and says which does not fit.
    pub fn ask(&mut self, asked: &Asked) {
        for (index, model) in self.program.models.iter().enumerate() {
            let Some(graph) = &model.graph else { continue };
            let (needs, misfit) = asked.of(model, graph, &mut self.sources);
            self.needs.push((index, needs));
            misfit.into_iter().for_each(|d| self.diags.push(d));
        }
    }

    fn needs_of(&self, index: usize) -> Option<&Needs> {
        self.needs.iter().find(|(at, _)| *at == index).map(|(_, needs)| needs)
    }
}

pub fn run(args: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    if args.files.iter().filter(|file| *file == "-").count() > 1 {
        return usage("standard input (`-`) can be read only once");
    }
    let asked = match args.needs.asked() {
        Ok(asked) => asked,
        Err(refusal) => return refused(*refusal),
    };
    let outcomes: Vec<Outcome> = args
        .files
        .iter()
        .map(|file| {
            let mut sources = Sources::default();
            let (program, diags) = crate::compile(&mut sources, file, &args.sets);
            let file = file.clone();
            let mut outcome = Outcome { file, sources, program, diags, needs: Vec::new() };
            asked.iter().for_each(|asked| outcome.ask(asked));
            outcome
        })
        .collect();
    match args.format {
        Form::Json => writeln!(out, "{:#}", report_json(&outcomes))?,
        Form::Sarif => {
            writeln!(out, "{}", serde_json::to_string_pretty(&sarif::report(&outcomes))?)?
        }
        Form::Github => write!(out, "{}", github::report(&outcomes))?,
        Form::Human => {
            for outcome in &outcomes {
                print_reports(&outcome.diags, &outcome.sources);
            }
            write!(out, "{}", report_human(&outcomes, asked.as_ref(), table::room()))?;
        }
    }
    let found = outcomes.iter().any(|outcome| outcome.diags.has_errors());
    Ok(if found { Exit::Findings } else { Exit::Fine })
}

/// The table of all models that have counts, then a line per file with something to report.
pub fn report_human(outcomes: &[Outcome], asked: Option<&Asked>, room: Option<usize>) -> String {
    let mut table = Table::new(&[
        ("model", Side::Left),
        ("params", Side::Right),
        ("MACs", Side::Right),
        ("ptflops", Side::Right),
        ("training/image", Side::Right),
        ("paper", Side::Left),
    ]);
    for outcome in outcomes {
        for model in &outcome.program.models {
            if let Some(graph) = &model.graph {
                table.row(row(&model.name, model, graph));
            }
        }
        for (address, case) in cases(&outcome.program) {
            if let Some(graph) = &case.model.graph {
                table.row(row(&address, &case.model, graph));
            }
        }
    }
    let mut text = if table.is_empty() { String::new() } else { table.render(room) };
    if let Some(asked) = asked {
        let rows = outcomes.iter().flat_map(|outcome| {
            let name = |&(index, ref needs): &(usize, Needs)| {
                (outcome.program.models[index].name.clone(), needs.clone())
            };
            outcome.needs.iter().map(name)
        });
        text.push_str(&needs::tables(&rows.collect::<Vec<_>>(), asked, room));
    }
    for outcome in outcomes {
        let summary = render::summary(&outcome.diags);
        if !summary.is_empty() {
            text.push_str(&format!("{}: {summary}\n", outcome.file));
        } else if outcome.program.models.is_empty() && outcome.program.ablations.is_empty() {
            text.push_str(&format!("{}: no models, no mistakes\n", outcome.file));
        }
    }
    text
}

/// Every case with its name, `ablation.case`.
fn cases(program: &Program) -> impl Iterator<Item = (String, &Case)> {
    program.ablations.iter().flat_map(|ablation| {
        let cases = ablation.cases.iter();
        cases.map(|case| (format!("{}.{}", ablation.name, case.model.name), case))
    })
}

fn row(name: &str, model: &Checked, graph: &Graph) -> [String; 6] {
    let cost = graph.cost();
    let paper: Vec<String> = model.paper.iter().map(|claim| beside(claim, graph)).collect();
    [
        name.to_string(),
        number::grouped(graph.param_count()),
        number::short(cost.macs),
        number::short(cost.ptflops),
        number::bytes(Plan::training(graph).bytes_per_image()),
        paper.join(", "),
    ]
}

/// `params 3.02M (=)`; what only training can tell stands without a difference.
fn beside(claim: &Claim, graph: &Graph) -> String {
    let ours = match claim.quantity.as_str() {
        "params" => Some(graph.param_count()),
        "macs" => Some(graph.cost().macs),
        "ptflops" => Some(graph.cost().ptflops),
        _ => None,
    };
    let said = format!("{} {}", claim.quantity, claim.written);
    match ours {
        Some(ours) => {
            format!("{said} ({})", number::difference(&claim.written, claim.value, ours as f64))
        }
        None => said,
    }
}

/// The contract of `--format json`. Keys are never renamed or removed; `start` and `end` are bytes,
/// `line` and `column` count from 1 (columns in characters). Models and cases in error have no counts
/// and are not listed. A label that lies in another text than the file (a file brought in by `use`, a
/// `--set` argument) names that text in one more key, `file`. What `--batch` and `--memory` ask stands
/// under one more key of a model, `memory`.
pub fn report_json(outcomes: &[Outcome]) -> Value {
    let files: Vec<Value> = outcomes
        .iter()
        .map(|outcome| {
            let models: Vec<Value> = outcome
                .program
                .models
                .iter()
                .enumerate()
                .filter_map(|(index, model)| {
                    let graph = model.graph.as_ref()?;
                    let mut value = model_json(model, graph);
                    if let Some(needs) = outcome.needs_of(index) {
                        value["memory"] = needs.json();
                    }
                    Some(value)
                })
                .collect();
            let ablations: Vec<Value> =
                outcome.program.ablations.iter().map(ablation_json).collect();
            let diagnostics: Vec<Value> =
                outcome.diags.0.iter().map(|d| diagnostic_json(d, outcome)).collect();
            json!({
                "file": outcome.file,
                "ok": !outcome.diags.has_errors(),
                "models": models,
                "ablations": ablations,
                "diagnostics": diagnostics,
            })
        })
        .collect();
    json!({ "files": files })
}

fn model_json(model: &Checked, graph: &Graph) -> Value {
    let cost = graph.cost();
    json!({
        "name": model.name,
        "params": graph.param_count(),
        "macs": cost.macs,
        "macs_ptflops": cost.ptflops,
        "train_bytes_per_image": Plan::training(graph).bytes_per_image(),
        "infer_bytes_per_image": Plan::evaluation(graph).bytes_per_image(),
        "hash": graph.hash(),
    })
}

fn ablation_json(ablation: &Ablation) -> Value {
    let cases = ablation.cases.iter().filter_map(|case| {
        let graph = case.model.graph.as_ref()?;
        let mut value = model_json(&case.model, graph);
        value["with"] = json!(case.with);
        Some(value)
    });
    json!({ "name": ablation.name, "of": ablation.base.name, "cases": cases.collect::<Vec<_>>() })
}

fn diagnostic_json(d: &Diagnostic, outcome: &Outcome) -> Value {
    let labels: Vec<Value> = d
        .labels
        .iter()
        .map(|label| {
            let (line, column) = outcome.sources.position(label.span);
            let mut value = json!({
                "start": label.span.start,
                "end": label.span.end,
                "line": line,
                "column": column,
                "message": label.message,
            });
            let text = &outcome.sources.get(label.span.source).name;
            if *text != outcome.file {
                value["file"] = json!(text);
            }
            value
        })
        .collect();
    json!({
        "code": d.code,
        "severity": d.severity,
        "message": d.message,
        "help": d.help.as_ref().map(Help::to_string),
        "labels": labels,
    })
}
