//! `cluec diff`: what distinguishes two models.

use super::table::{self, Side, Table};
use super::{Exit, Format, Opened, number, open, usage};
use crate::model;
use crate::plan::{Part, Plan, parts};
use serde_json::{Value, json};
use std::io::{self, Write};

#[derive(Debug, clap::Args)]
#[command(override_usage = "cluec diff [OPTIONS] FILE[:NAME] FILE[:NAME]\n       \
    cluec diff [OPTIONS] FILE NAME NAME")]
#[command(after_help = "Exits with 0 if nothing differs, with 1 if something does, \
    and with 2 if the two can not be compared.")]
pub struct Args {
    /// A .clue file, and after a colon which of its models, or `ABLATION.CASE`
    #[arg(value_name = "FILE[:NAME]")]
    first: String,
    /// Another, or which model of the one file
    #[arg(value_name = "FILE[:NAME]")]
    second: String,
    /// The other model of the one file
    #[arg(value_name = "NAME")]
    third: Option<String>,
    /// How to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub fn run(args: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    let (a, b) = match &args.third {
        Some(third) => {
            let file = args.first.as_str();
            ((file, Some(args.second.as_str())), (file, Some(third.as_str())))
        }
        None => (named(&args.first), named(&args.second)),
    };
    if a.0 == "-" && b.0 == "-" {
        return usage("standard input (`-`) can be read only once");
    }
    let (Ok(a), Ok(b)) = (open("diff", a.0, a.1, &[])?, open("diff", b.0, b.1, &[])?) else {
        return Ok(Exit::Usage);
    };
    let difference = Difference::between(&a, &b);
    match args.format {
        Format::Json => writeln!(out, "{:#}", difference.json())?,
        Format::Human => write!(out, "{}", difference.human(table::room()))?,
    }
    Ok(if difference.is_none() { Exit::Fine } else { Exit::Findings })
}

/// `a.clue:tiny` is the model `tiny` of `a.clue`, `a.clue:parts.no_gate` a case of its ablation
/// `parts`.
pub(super) fn named(argument: &str) -> (&str, Option<&str>) {
    match argument.rsplit_once(':') {
        Some((file, name)) if !file.is_empty() && is_address(name) => (file, Some(name)),
        _ => (argument, None),
    }
}

fn is_address(name: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    match name.split_once('.') {
        // A file on a drive: `C:tiny.clue`.
        Some((_, "clue")) => false,
        Some((ablation, case)) => word(ablation) && word(case),
        None => word(name),
    }
}

/// What distinguishes a model `a` from a model `b`.
#[derive(Debug)]
pub struct Difference {
    names: [String; 2],
    /// Of their graphs: equal if they compute the same thing with the same parameters.
    hashes: [String; 2],
    /// Paths that hold different values, with both; none where a model has no such setting.
    settings: Vec<(String, [Option<String>; 2])>,
    /// Every part of either, then the whole; none where a model has no such part.
    parts: Vec<(String, [Option<Cost>; 2])>,
}

/// A part, and the most that is held while it trains.
#[derive(Debug, Clone)]
struct Cost {
    part: Part,
    peak: u64,
}

impl Difference {
    pub(crate) fn between(a: &Opened, b: &Opened) -> Difference {
        let both = [a, b].map(|opened| opened.model.settings());
        let mut paths: Vec<&str> = Vec::new();
        for setting in both.iter().flatten() {
            if !paths.contains(&setting.path.as_str()) {
                paths.push(&setting.path);
            }
        }
        let settings = paths
            .into_iter()
            .map(|path| {
                (path.to_string(), both.each_ref().map(|settings| model::row(settings, path)))
            })
            .filter(|(_, [a, b])| a != b)
            .collect();

        let both = [&a.graph, &b.graph].map(|graph| {
            let training = Plan::training(graph);
            let costs = parts(graph, &training, 1).into_iter().map(|part| {
                let peak = training.peak(&part.name);
                Cost { part, peak }
            });
            let whole = Part::whole(graph, &training);
            (costs.collect::<Vec<_>>(), Cost { part: whole, peak: training.bytes_per_image() })
        });
        let mut names: Vec<String> = Vec::new();
        for cost in both.iter().flat_map(|(costs, _)| costs) {
            if !names.contains(&cost.part.name) {
                names.push(cost.part.name.clone());
            }
        }
        let find = |name: &str, costs: &[Cost]| costs.iter().find(|c| c.part.name == name).cloned();
        let mut parts: Vec<(String, [Option<Cost>; 2])> = names
            .into_iter()
            .map(|name| {
                let found = [find(&name, &both[0].0), find(&name, &both[1].0)];
                (name, found)
            })
            .collect();
        let [(_, whole_a), (_, whole_b)] = both;
        parts.push((whole_a.part.name.clone(), [Some(whole_a), Some(whole_b)]));
        Difference {
            names: [a.model.name.clone(), b.model.name.clone()],
            hashes: [a.graph.hash(), b.graph.hash()],
            settings,
            parts,
        }
    }

    /// Every setting holds the same value.
    pub fn is_none(&self) -> bool {
        self.same_graph() && self.settings.is_empty()
    }

    fn same_graph(&self) -> bool {
        self.hashes[0] == self.hashes[1]
    }

    pub fn human(&self, room: Option<usize>) -> String {
        let [a, b] = &self.names;
        if self.is_none() {
            return format!("{a} and {b} say the same\n");
        }
        let mut text = format!("from {a} to {b}\n\n");
        if !self.settings.is_empty() {
            let mut table = Table::new(&[
                ("setting", Side::Left),
                ("before", Side::Left),
                ("after", Side::Left),
            ]);
            for (path, values) in &self.settings {
                let [before, after] = values.clone().map(|v| v.unwrap_or_else(|| "-".to_string()));
                table.row([path.clone(), before, after]);
            }
            text.push_str(&table.render(room));
            text.push('\n');
        }
        if self.same_graph() {
            text.push_str("both lower to the same graph\n");
            return text;
        }
        let mut table = Table::new(&[
            ("part", Side::Left),
            ("params", Side::Right),
            ("Δ", Side::Right),
            ("MACs", Side::Right),
            ("Δ", Side::Right),
            ("training/image", Side::Right),
            ("Δ", Side::Right),
        ]);
        for (name, [before, after]) in &self.parts {
            let pair = |of: fn(&Cost) -> u64| {
                let (before, after) = (before.as_ref().map_or(0, of), after.as_ref().map_or(0, of));
                (after, before)
            };
            let (params, macs) = (pair(|c| c.part.params), pair(|c| c.part.cost.macs));
            let bytes = pair(|c| c.peak);
            table.row([
                name.clone(),
                number::grouped(params.0),
                signed(params, number::grouped),
                number::short(macs.0),
                signed(macs, number::short),
                number::bytes(bytes.0),
                signed(bytes, number::bytes),
            ]);
        }
        text.push_str(&table.render(room));
        text
    }

    /// Keys are never renamed or removed.
    pub fn json(&self) -> Value {
        let settings: Vec<Value> = self
            .settings
            .iter()
            .map(|(path, [a, b])| json!({ "path": path, "a": a, "b": b }))
            .collect();
        let parts: Vec<Value> = self
            .parts
            .iter()
            .map(|(name, [a, b])| json!({ "name": name, "a": cost(a), "b": cost(b) }))
            .collect();
        json!({
            "a": self.names[0],
            "b": self.names[1],
            "same": self.is_none(),
            "same_graph": self.same_graph(),
            "hashes": self.hashes,
            "settings": settings,
            "parts": parts,
        })
    }
}

fn cost(cost: &Option<Cost>) -> Value {
    match cost {
        None => Value::Null,
        Some(Cost { part, .. }) => json!({
            "params": part.params,
            "macs": part.cost.macs,
            "macs_ptflops": part.cost.ptflops,
            "train_bytes_per_image": part.train_bytes,
        }),
    }
}

/// `+1_024`, `-2.00 M`, or nothing.
fn signed((after, before): (u64, u64), words: fn(u64) -> String) -> String {
    match after.cmp(&before) {
        std::cmp::Ordering::Less => format!("-{}", words(before - after)),
        std::cmp::Ordering::Equal => String::new(),
        std::cmp::Ordering::Greater => format!("+{}", words(after - before)),
    }
}
