//! `cluec summary`: what every stage of a model gives and costs.

use super::needs;
use super::options::Which;
use super::table::{self, Side, Table};
use super::{Exit, Format, Opened, number, open, print_reports, refused};
use crate::diag::Argument;
use crate::graph::Graph;
use crate::model::Checked;
use crate::plan::{Part, Plan, parts};
use serde_json::{Value, json};
use std::io::{self, Write};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A .clue file, or `-` for standard input
    file: String,
    #[command(flatten)]
    which: Which,
    /// Every block by itself
    #[arg(long)]
    blocks: bool,
    /// Change a setting: `mixer.grid=8x8`, `width@3=160`
    #[arg(long = "set", value_name = "PATH=VALUE")]
    sets: Vec<Argument>,
    #[command(flatten)]
    needs: needs::Options,
    /// How to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub fn run(args: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    let asked = match args.needs.asked() {
        Ok(asked) => asked,
        Err(refusal) => return refused(*refusal),
    };
    let name = args.which.address();
    let opened = match open("summary", &args.file, name.as_deref(), &args.sets)? {
        Ok(opened) => opened,
        Err(exit) => return Ok(exit),
    };
    let Opened { mut sources, model, graph, mut exit } = opened;
    let mut needs = None;
    if let Some(asked) = &asked {
        let (found, misfit) = asked.of(&model, &graph, &mut sources);
        if let Some(misfit) = misfit {
            print_reports(&vec![misfit].into(), &sources);
            exit = Exit::Findings;
        }
        needs = Some(found);
    }
    match args.format {
        Format::Json => {
            let mut report = report_json(&model, &graph);
            if let Some(needs) = &needs {
                report["memory"] = needs.json();
            }
            writeln!(out, "{report:#}")?;
        }
        Format::Human => {
            let text = report_human(&model, &graph, args.blocks, table::room());
            write!(out, "{text}")?;
            if let (Some(asked), Some(needs)) = (asked, needs) {
                let rows = [(model.name.clone(), needs)];
                write!(out, "{}", needs::tables(&rows, &asked, table::room()))?;
            }
        }
    }
    Ok(exit)
}

/// Both plans of a model: what its parts are read from.
struct Plans {
    training: Plan,
    evaluation: Plan,
}

impl Plans {
    fn of(graph: &Graph) -> Plans {
        Plans { training: Plan::training(graph), evaluation: Plan::evaluation(graph) }
    }

    /// Bytes per image: kept of a part for the backward pass, and the most that is held while it
    /// trains and while it runs.
    fn bytes(&self, part: &Part, whole: bool) -> [u64; 3] {
        let Plans { training, evaluation } = self;
        if whole {
            let kept = training.kept.iter().sum();
            return [kept, training.bytes_per_image(), evaluation.bytes_per_image()];
        }
        [part.train_bytes, training.peak(&part.name), evaluation.peak(&part.name)]
    }
}

/// A line of title, then the table.
pub fn report_human(model: &Checked, graph: &Graph, blocks: bool, room: Option<usize>) -> String {
    let title = model.label.as_ref().map(|label| format!(" \"{label}\"")).unwrap_or_default();
    format!("{}{title}\n{}", model.name, table(graph, blocks).render(room))
}

/// A row for every part, and for every block of it if asked; the whole model last.
pub fn table(graph: &Graph, blocks: bool) -> Table {
    let mut table = Table::new(&[
        ("part", Side::Left),
        ("output", Side::Left),
        ("params", Side::Right),
        ("MACs", Side::Right),
        ("ptflops", Side::Right),
        ("kept/image", Side::Right),
        ("training/image", Side::Right),
        ("inference/image", Side::Right),
    ]);
    let plans = Plans::of(graph);
    for part in parts(graph, &plans.training, 1) {
        table.row(row(&part.name, &part, plans.bytes(&part, false)));
        if blocks {
            // A part of one name has nothing inside that it is not itself.
            let prefix = format!("{}.", part.name);
            let inside = parts(graph, &plans.training, 2);
            let inside = inside.into_iter().filter(|inner| inner.name.starts_with(&prefix));
            for inner in inside {
                let name = format!("  {}", &inner.name[prefix.len()..]);
                table.row(row(&name, &inner, plans.bytes(&inner, false)));
            }
        }
    }
    let whole = Part::whole(graph, &plans.training);
    table.row(row(&whole.name, &whole, plans.bytes(&whole, true)));
    table
}

fn row(name: &str, part: &Part, bytes: [u64; 3]) -> [String; 8] {
    let [kept, training, inference] = bytes.map(number::bytes);
    [
        name.to_string(),
        part.output.to_string(),
        number::grouped(part.params),
        number::short(part.cost.macs),
        number::short(part.cost.ptflops),
        kept,
        training,
        inference,
    ]
}

/// Keys are never renamed or removed. `parts` are stages and what stands before and behind them,
/// `blocks` what a stage is made of; what `--batch` and `--memory` ask stands under one more key,
/// `memory`.
pub fn report_json(model: &Checked, graph: &Graph) -> Value {
    let plans = Plans::of(graph);
    let json_of = |part: &Part| part_json(part, plans.bytes(part, false));
    let blocks = parts(graph, &plans.training, 2);
    let blocks: Vec<Value> =
        blocks.iter().filter(|part| part.name.contains('.')).map(json_of).collect();
    let whole = Part::whole(graph, &plans.training);
    let mut report = part_json(&whole, plans.bytes(&whole, true));
    report["name"] = json!(model.name);
    report["label"] = json!(model.label);
    report["hash"] = json!(graph.hash());
    report["parts"] = parts(graph, &plans.training, 1).iter().map(json_of).collect();
    report["blocks"] = json!(blocks);
    report
}

fn part_json(part: &Part, [kept, training, inference]: [u64; 3]) -> Value {
    json!({
        "name": part.name,
        "output": part.output.to_string(),
        "params": part.params,
        "macs": part.cost.macs,
        "macs_ptflops": part.cost.ptflops,
        "train_bytes_per_image": part.train_bytes,
        "kept_bytes_per_image": kept,
        "train_peak_bytes_per_image": training,
        "infer_peak_bytes_per_image": inference,
    })
}
