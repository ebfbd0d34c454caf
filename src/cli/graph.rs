//! `cluec graph`: the graph a model is lowered to, as text, a picture or data; or the plan of its
//! training step.

use super::device::Device;
use super::options::{Which, batch};
use super::{Exit, Opened, open, usage};
use crate::diag::Argument;
use crate::diag::list;
use crate::exec::cpu;
use crate::graph::Drawing;
use crate::passes::{Method, Processor};
use crate::plan::{self, Plan};
use std::io::{self, Write};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A .clue file, or `-` for standard input
    file: String,
    #[command(flatten)]
    which: Which,
    /// Only this stage and what flows into it
    #[arg(long, value_name = "N")]
    stage: Option<usize>,
    /// The training step: its ops in order, where their results lie in memory, what they move; on a GPU
    /// also the kernels and products of each
    #[arg(long, conflicts_with_all = ["stage", "format"])]
    planned: bool,
    /// Where that step runs
    #[arg(long, value_enum, default_value_t, requires = "planned")]
    device: Device,
    /// Images of that step, which decide what runs together (default: the recipe's, or 64)
    #[arg(long, value_name = "N", requires = "planned", value_parser = batch())]
    batch: Option<u64>,
    /// Change a setting: `mixer.grid=8x8`, `width@3=160`
    #[arg(long = "set", value_name = "PATH=VALUE")]
    sets: Vec<Argument>,
    /// How to draw
    #[arg(long, value_enum, default_value_t)]
    format: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Form {
    /// One node a line, with its type and parameters
    #[default]
    Text,
    /// A picture: a column a stage, a box a block, the darker the more it computes
    Svg,
    /// For Graphviz: `cluec graph FILE --format dot | dot -Tsvg`
    Dot,
    /// For programs; its shape is a contract
    Json,
    /// For Markdown
    Mermaid,
}

/// The plan of a training step.
fn planned(args: &Args, opened: &Opened, out: &mut dyn Write) -> io::Result<()> {
    let recipe = opened.model.recipe.as_ref();
    let method = Method::of(recipe);
    let of_recipe = recipe.map_or(64, |recipe| recipe.batch.value.0);
    let batch = args.batch.map_or(of_recipe, |batch| batch as usize);
    match args.device {
        Device::Cpu => {
            let plan = Plan::training_by(&opened.graph, method, Processor::Cpu);
            let (group, needs) = (plan::group(&plan, batch), cpu::needs(&plan, batch, 1).next());
            let [arena, scratch] = needs.unwrap_or_default().map(|floats| 4 * floats);
            writeln!(
                out,
                "on a CPU, {batch} images a step in groups of {group}: an arena of {arena} bytes and \
                 scratch of {scratch} for every thread"
            )?;
            write!(out, "{plan}")
        }
        #[cfg(feature = "cuda")]
        Device::Cuda => {
            let plan = Plan::training_by(&opened.graph, method, Processor::Gpu);
            let (images, launches) = crate::exec::cuda::walk::launches(&plan, batch, method.parts);
            let all: usize = launches.iter().map(|tape| tape.commands.len()).sum();
            let precision = plan.precision.name();
            writeln!(out, "{}", plan.head())?;
            let [part, each] = match images < batch {
                true => [format!(" in parts of {images}"), " each".to_string()],
                false => [String::new(), String::new()],
            };
            writeln!(
                out,
                "on a GPU in {precision}, {batch} images a step{part}: {all} launches{each}"
            )?;
            for (value, tape) in plan.graph.values().zip(launches) {
                let Some(line) = plan.line(value) else { continue };
                writeln!(out, "{line}")?;
                for (name, tape) in tape.apart() {
                    writeln!(out, "    {} {name}", tape.commands.len())?;
                }
            }
            Ok(())
        }
    }
}

pub fn run(args: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    let name = args.which.address();
    let opened = match open("graph", &args.file, name.as_deref(), &args.sets)? {
        Ok(opened) => opened,
        Err(exit) => return Ok(exit),
    };
    if args.planned {
        planned(args, &opened, out)?;
        return Ok(opened.exit);
    }
    let drawing = match args.stage {
        None => Some(Drawing::whole(&opened.graph)),
        Some(stage) => Drawing::part(&opened.graph, &format!("stage{stage}")),
    };
    let Some(drawing) = drawing else {
        let scopes = opened.graph.nodes.iter().map(|node| &node.scope);
        let mut stages: Vec<&str> =
            scopes.filter_map(|scope| scope.split('.').next()?.strip_prefix("stage")).collect();
        stages.dedup();
        let (stage, name) = (args.stage.unwrap_or(0), &opened.model.name);
        return usage(&format!("{name} has no stage {stage}; it has {}", list(&stages, "and")));
    };
    match args.format {
        Form::Text => write!(out, "{}", drawing.text())?,
        Form::Svg => write!(out, "{}", drawing.svg())?,
        Form::Dot => write!(out, "{}", drawing.dot())?,
        Form::Mermaid => write!(out, "{}", drawing.mermaid())?,
        Form::Json => writeln!(out, "{:#}", drawing.json())?,
    }
    Ok(opened.exit)
}
