//! How much memory trainings and evaluations of models take before they run, and which batches fit: what
//! `--batch` and `--memory` ask.

use super::device::{Device, threads, workers};
use super::table::{Side, Table};
use super::{number, options};
use crate::diag::{Diagnostic, SourceId, Sources, Span};
use crate::exec::{Footprint, Target, Work, largest};
use crate::graph::Graph;
use crate::model::Checked;
use crate::passes::Method;
use serde_json::{Value, json};

#[derive(Debug, Clone, Default, clap::Args)]
pub struct Options {
    /// Peak memory with batches of so many images: `64`, `1,8,64`
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = options::batch())]
    pub batch: Vec<u64>,
    /// The largest batches that fit into so much memory: `24GiB`
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<String>,
    /// Threads that memory is counted for (default: one per core)
    #[arg(long, value_name = "N", value_parser = options::threads())]
    pub threads: Option<u64>,
    /// Threads whose decoded images lie in memory (default: one for two cores)
    #[arg(long, value_name = "N", value_parser = options::threads())]
    pub workers: Option<u64>,
    /// Where the model is to run
    #[arg(long, value_enum)]
    pub device: Option<Device>,
}

/// What is asked, understood.
#[derive(Debug, Clone)]
pub struct Asked {
    batches: Vec<usize>,
    limit: Option<Limit>,
    threads: usize,
    workers: usize,
    device: Device,
}

#[derive(Debug, Clone)]
struct Limit {
    bytes: u64,
    text: String,
}

/// What an argument points at in reports.
const ARGUMENT: &str = "--memory";

impl Options {
    /// Nothing if nothing is asked.
    pub fn asked(&self) -> Result<Option<Asked>, Box<(Sources, Diagnostic)>> {
        let silent = self.batch.is_empty() && self.memory.is_none();
        if silent && self.threads.or(self.workers).is_none() && self.device.is_none() {
            return Ok(None);
        }
        let limit = match &self.memory {
            None => None,
            Some(text) => match size(text) {
                Some(bytes) => Some(Limit { bytes, text: text.clone() }),
                None => return Err(Box::new(no_size(text))),
            },
        };
        Ok(Some(Asked {
            batches: self.batch.iter().map(|&n| n as usize).collect(),
            limit,
            threads: threads(self.threads),
            workers: workers(self.workers),
            device: self.device.unwrap_or_default(),
        }))
    }
}

/// Bytes of `24GiB`, `512 MiB`, `8GB`.
fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (digits, unit) = text.split_at(at);
    let (kilo, kibi) = (1000f64, 1024f64);
    let factor = match unit.to_ascii_lowercase().as_str() {
        "b" => 1.0,
        "kb" => kilo,
        "mb" => kilo.powi(2),
        "gb" => kilo.powi(3),
        "tb" => kilo.powi(4),
        "kib" => kibi,
        "mib" => kibi.powi(2),
        "gib" => kibi.powi(3),
        "tib" => kibi.powi(4),
        _ => return None,
    };
    let number: f64 = digits.trim().replace('_', "").parse().ok()?;
    let bytes = number * factor;
    (bytes >= 1.0 && bytes < u64::MAX as f64).then_some(bytes as u64)
}

fn no_size(text: &str) -> (Sources, Diagnostic) {
    let mut sources = Sources::default();
    let span = whole(&mut sources, text);
    let diagnostic = Diagnostic::error("E0121", "`--memory` takes an amount with its unit")
        .at(span, "does not fit")
        .help("write `--memory 24GiB` or `--memory 512MiB`");
    (sources, diagnostic)
}

fn whole(sources: &mut Sources, text: &str) -> Span {
    let id: SourceId = sources.add(ARGUMENT, text);
    Span::new(id, 0, text.len())
}

/// What one model needs.
#[derive(Debug, Clone)]
pub struct Needs {
    /// Images of a batch, and the peak of training and of inference in bytes.
    batches: Vec<(usize, [u64; 2])>,
    /// The largest batches that fit, if that is asked.
    largest: Option<[Option<usize>; 2]>,
    /// `on 2 threads`, `on a GPU in bf16`.
    place: String,
}

impl Asked {
    /// What a model needs; a mistake if it can not be trained in the memory there is.
    pub fn of(
        &self,
        model: &Checked,
        graph: &Graph,
        sources: &mut Sources,
    ) -> (Needs, Option<Diagnostic>) {
        let target = self.target(model);
        let method = Method::of(model.recipe.as_ref());
        let footprint = Footprint::new(graph, method, target);
        let mut batches = self.batches.clone();
        if batches.is_empty() && self.limit.is_none() {
            batches.push(model.recipe.as_ref().map_or(1, |recipe| recipe.batch.value.0));
        }
        let bytes = |work, batch| footprint.process(work, batch, self.workers);
        let both = |batch| [bytes(Work::Training, batch), bytes(Work::Inference, batch)];
        let largest = self.limit.as_ref().map(|limit| {
            let most = |work| largest(limit.bytes, |batch| bytes(work, batch));
            [Work::Training, Work::Inference].map(most)
        });
        let needs = Needs {
            batches: batches.into_iter().map(|batch| (batch, both(batch))).collect(),
            largest,
            place: place(target),
        };
        let misfit = match (&self.limit, largest) {
            (Some(limit), Some([None, inference])) => {
                let span = whole(sources, &limit.text);
                let needed = bytes(Work::Training, 1);
                Some(self.misfit(model, graph, [span, model.span], needed, inference))
            }
            _ => None,
        };
        (needs, misfit)
    }

    fn misfit(
        &self,
        model: &Checked,
        graph: &Graph,
        [argument, name]: [Span; 2],
        needed: u64,
        inference: Option<usize>,
    ) -> Diagnostic {
        let (target, method) = (self.target(model), Method::of(model.recipe.as_ref()));
        let message = format!(
            "`{}` needs {} to train with a single image {}",
            model.name,
            number::bytes(needed),
            place(target)
        );
        let mut help = match inference {
            Some(batch) => format!("it runs in that, with batches of up to {}", most(batch)),
            None => "it does not run in that either".to_string(),
        };
        let limit = self.limit.as_ref().map_or(0, |limit| limit.bytes);
        if let Target::Cpu { threads: 2.. } = target {
            let alone = Footprint::new(graph, method, Target::Cpu { threads: 1 });
            let bytes = |batch| alone.process(Work::Training, batch, self.workers);
            if let Some(batch) = largest(limit, bytes) {
                help.push_str(&format!(
                    "\non one thread it trains, with batches of up to {}",
                    most(batch)
                ));
            }
        }
        Diagnostic::error("E0520", message)
            .at(argument, "less than that")
            .at(name, "this model")
            .help(help)
    }

    #[cfg_attr(not(feature = "cuda"), allow(unused_variables))]
    fn target(&self, model: &Checked) -> Target {
        match self.device {
            Device::Cpu => Target::Cpu { threads: self.threads },
            #[cfg(feature = "cuda")]
            Device::Cuda => {
                let precision = model.recipe.as_ref().map(|recipe| recipe.precision.value.stored());
                Target::Cuda(precision.unwrap_or_default())
            }
        }
    }
}

fn place(target: Target) -> String {
    match target {
        Target::Cpu { threads: 1 } => "on one thread".to_string(),
        Target::Cpu { threads } => format!("on {threads} threads"),
        #[cfg(feature = "cuda")]
        Target::Cuda(precision) => format!("on a GPU in {}", precision.name()),
    }
}

fn most(batch: usize) -> String {
    number::grouped(batch as u64)
}

impl Needs {
    /// Keys are never renamed or removed.
    pub fn json(&self) -> Value {
        let batches: Vec<Value> = self
            .batches
            .iter()
            .map(|(batch, [training, inference])| {
                json!({ "batch": batch, "training": training, "inference": inference })
            })
            .collect();
        let mut value = json!({ "place": self.place, "batches": batches });
        if let Some([training, inference]) = self.largest {
            value["largest_batch"] = json!({ "training": training, "inference": inference });
        }
        value
    }
}

/// The needs of models as tables, each below a blank line: peaks by batch, then what fits.
pub fn tables(rows: &[(String, Needs)], asked: &Asked, room: Option<usize>) -> String {
    let mut text = String::new();
    let mut peaks = Table::new(&[
        ("peak memory", Side::Left),
        ("batch", Side::Right),
        ("training", Side::Right),
        ("inference", Side::Right),
        ("", Side::Left),
    ]);
    let mut fits = Table::new(&[
        ("largest batch", Side::Left),
        ("memory", Side::Right),
        ("training", Side::Right),
        ("inference", Side::Right),
        ("", Side::Left),
    ]);
    for (name, needs) in rows {
        for (batch, bytes) in &needs.batches {
            let [training, inference] = bytes.map(number::bytes);
            let batch = most(*batch);
            peaks.row([name.clone(), batch, training, inference, needs.place.clone()]);
        }
        if let (Some(largest), Some(limit)) = (needs.largest, &asked.limit) {
            let [training, inference] = largest.map(|b| b.map_or("none".to_string(), most));
            let limit = number::bytes(limit.bytes);
            fits.row([name.clone(), limit, training, inference, needs.place.clone()]);
        }
    }
    for table in [peaks, fits].iter().filter(|table| !table.is_empty()) {
        text.push('\n');
        text.push_str(&table.render(room));
    }
    text
}
