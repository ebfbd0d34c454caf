//! `cluec summary`: what every stage of a model gives and costs.

use super::table::{self, Side, Table};
use super::{Exit, Format, number, open};
use crate::graph::{Graph, Part};
use crate::model::Checked;
use serde_json::{Value, json};
use std::io::{self, Write};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A .clue file, or `-` for standard input
    file: String,
    /// Which model, if the file holds several
    name: Option<String>,
    /// Every block by itself
    #[arg(long)]
    blocks: bool,
    /// Change a setting: `mixer.grid=8x8`, `width@3=160`
    #[arg(long = "set", value_name = "PATH=VALUE")]
    sets: Vec<String>,
    /// How to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub fn run(args: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    let opened = match open("summary", &args.file, args.name.as_deref(), &args.sets)? {
        Ok(opened) => opened,
        Err(exit) => return Ok(exit),
    };
    match args.format {
        Format::Json => writeln!(out, "{:#}", report_json(&opened.model, &opened.graph))?,
        Format::Human => {
            let text = report_human(&opened.model, &opened.graph, args.blocks, table::room());
            write!(out, "{text}")?;
        }
    }
    Ok(opened.exit)
}

/// A line of title, then the table, the whole model last.
pub fn report_human(model: &Checked, graph: &Graph, blocks: bool, room: Option<usize>) -> String {
    let mut table = Table::new(&[
        ("part", Side::Left),
        ("output", Side::Left),
        ("params", Side::Right),
        ("MACs", Side::Right),
        ("ptflops", Side::Right),
        ("training/image", Side::Right),
    ]);
    for part in graph.parts(1) {
        table.row(row(&part.name, &part));
        if blocks {
            // A part of one name has nothing inside that it is not itself.
            let prefix = format!("{}.", part.name);
            let inside = graph.parts(2).into_iter().filter(|inner| inner.name.starts_with(&prefix));
            for inner in inside {
                table.row(row(&format!("  {}", &inner.name[prefix.len()..]), &inner));
            }
        }
    }
    let whole = Part::whole(graph);
    table.row(row(&whole.name, &whole));
    let title = model.label.as_ref().map(|label| format!(" \"{label}\"")).unwrap_or_default();
    format!("{}{title}\n{}", model.name, table.render(room))
}

fn row(name: &str, part: &Part) -> [String; 6] {
    [
        name.to_string(),
        part.output.to_string(),
        number::grouped(part.params),
        number::short(part.cost.macs),
        number::short(part.cost.ptflops),
        number::bytes(part.train_bytes),
    ]
}

/// Keys are never renamed or removed. `parts` are stages and what stands before and behind them,
/// `blocks` what a stage is made of.
pub fn report_json(model: &Checked, graph: &Graph) -> Value {
    let blocks: Vec<Value> =
        graph.parts(2).iter().filter(|part| part.name.contains('.')).map(part_json).collect();
    let mut report = part_json(&Part::whole(graph));
    report["name"] = json!(model.name);
    report["label"] = json!(model.label);
    report["parts"] = graph.parts(1).iter().map(part_json).collect();
    report["blocks"] = json!(blocks);
    report
}

fn part_json(part: &Part) -> Value {
    json!({
        "name": part.name,
        "output": part.output.to_string(),
        "params": part.params,
        "macs": part.cost.macs,
        "macs_ptflops": part.cost.ptflops,
        "train_bytes_per_image": part.train_bytes,
    })
}
