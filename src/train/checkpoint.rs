//! Checkpoints: everything a run needs to go on, in one safetensors file written atomically.
//!
//! Tensors `parameters/NAME`, for each name of [`Rule::kept`](crate::graph::ops::Rule::kept), as
//! `adamw.m`, a tensor `adamw.m/NAME`, and where a running mean is kept `ema/NAME`; the metadata key
//! `cluec` holds [`Meta`] as JSON, the text of the model with it.

mod read;

use super::metrics::is_zero;
use super::run::replace;
use super::window::{Exact, Window};
use crate::exec::published::Misfit;
use crate::exec::{Parameters, Scaling};
use crate::foreign::{Floats, write};
use crate::graph::Graph;
use crate::graph::ops::LossScale;
use safetensors::tensor::SafeTensors;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Where a run stands, and what it trains.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// Of this layout: [`FORMAT`].
    pub format: u32,
    /// Of cluec.
    pub version: String,
    pub model: String,
    /// The model printed in full, with data and recipe.
    pub source: String,
    pub graph_hash: String,
    pub seed: u64,
    pub batch_size: u64,
    /// Where the images were read from; none if they are generated.
    pub data: Option<String>,
    /// How many images train.
    pub train_images: u64,
    /// Their [fingerprint](crate::data::fingerprint); none where that is not known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub train_fingerprint: Option<String>,
    /// Names of the classes, in the order of the logits; none where they are not known.
    pub classes: Vec<String>,
    /// Steps done; those that were skipped are among them.
    pub step: u64,
    /// The epoch running, from 0, and the batch of it to run next.
    pub epoch: u64,
    pub batch: u64,
    /// The learning rate that was found before the first step, if it was to be found.
    #[serde(default)]
    pub lr: Option<Exact>,
    /// Steps of the optimizer.
    #[serde(alias = "adamw_steps")]
    pub updates: u64,
    /// Steps skipped, because gradients overflowed.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub skipped: u64,
    /// Where loss scaling stands, if the loss is scaled.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scaling: Option<Scale>,
    /// Steps taken when the test images were measured last.
    pub evaluated: u64,
    pub best_top1: Option<Exact>,
    /// Lines of the metrics written, and what the next one has gathered.
    pub metrics_lines: u64,
    pub window: Window,
    /// What earlier steps were taken with, where that was something else; none of it in `source`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub earlier: Vec<Earlier>,
}

/// Steps of a run that followed other settings, or saw other images, than those after them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// The last of them.
    pub until: u64,
    /// What they followed from, in one word.
    pub key: String,
}

/// As [`Scaling`], read back to the bit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    pub scale: Exact,
    /// Good steps since it changed.
    pub good: u64,
    /// Where it began: a recipe that says another one begins anew.
    pub start: Exact,
}

impl Scale {
    pub fn of(Scaling { scale, good }: Scaling, rule: LossScale) -> Scale {
        Scale { scale: Exact(scale), good, start: Exact(rule.start) }
    }

    /// Where a training under this rule goes on.
    pub fn resumed(self, rule: LossScale) -> Scaling {
        match self.start.0 == rule.start {
            true => Scaling { scale: self.scale.0, good: self.good },
            false => Scaling::new(rule),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    pub meta: Meta,
    pub names: Vec<String>,
    pub shapes: Vec<Vec<usize>>,
    pub parameters: Parameters,
    /// What the optimizer keeps, by its names; nothing where none of ours has trained.
    pub kept: Vec<(String, Parameters)>,
    /// The running mean of the parameters, if one is kept.
    pub average: Option<Parameters>,
}

/// A checkpoint can not be written or read, or is of another graph.
#[derive(Debug)]
pub struct CheckpointError(pub String);

impl std::fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for CheckpointError {}

/// Of the layout that this cluec writes and reads.
pub const FORMAT: u32 = 1;
/// Where, beside [`Meta`], the check sum of all tensors stands.
const SUM: &str = "sum";
pub const PARAMETERS: &str = "parameters";
pub const AVERAGE: &str = "ema";

/// The tensors of a run, borrowed.
#[derive(Debug, Clone)]
pub struct Tensors<'a> {
    pub names: &'a [String],
    pub shapes: &'a [Vec<usize>],
    pub parameters: &'a Parameters,
    /// What the optimizer keeps, by its names.
    pub kept: Vec<(&'a str, &'a Parameters)>,
    pub average: Option<&'a Parameters>,
}

impl<'a> Tensors<'a> {
    /// The parameters and what is kept of them, each by its name.
    pub fn parts(&self) -> impl Iterator<Item = (&'a str, &'a Parameters)> {
        let average = self.average.map(|average| (AVERAGE, average));
        let own = std::iter::once((PARAMETERS, self.parameters));
        own.chain(self.kept.iter().copied()).chain(average)
    }
}

/// Writes a checkpoint; a crash or a full disk leaves the file that was there.
pub fn save(path: &Path, meta: &Meta, tensors: &Tensors<'_>) -> Result<(), CheckpointError> {
    let fail = |error: &dyn std::fmt::Display| {
        CheckpointError(format!("the checkpoint {} can not be written: {error}", path.display()))
    };
    let mut meta = serde_json::to_value(meta).map_err(|e| fail(&e))?;
    let mut all = Vec::new();
    for (part, parameters) in tensors.parts() {
        let shaped = tensors.names.iter().zip(tensors.shapes).zip(parameters.iter());
        for ((name, shape), values) in shaped {
            all.push(Floats { name: format!("{part}/{name}"), shape, values });
        }
    }
    meta[SUM] = sum(all.iter().map(|tensor| (tensor.name.as_str(), tensor.bytes()))).into();
    let metadata = HashMap::from([("cluec".to_string(), meta.to_string())]);
    let written = replace(path, |file| {
        let mut file = BufWriter::new(file);
        write(&mut file, all, metadata)?;
        file.flush()
    });
    written.map_err(|e: io::Error| fail(&e))
}

/// The check sum of tensors, whichever come first.
fn sum<'a>(tensors: impl Iterator<Item = (&'a str, Cow<'a, [u8]>)>) -> String {
    let mut tensors: Vec<_> = tensors.collect();
    tensors.sort_by_key(|(name, _)| *name);
    let mut sum = Sum::default();
    for (name, bytes) in &tensors {
        sum.begin(name, bytes.len());
        sum.add(bytes);
    }
    sum.finish()
}

/// A check sum in the making: of tensors in the order of their names.
#[derive(Default)]
struct Sum(blake3::Hasher);

impl Sum {
    fn begin(&mut self, name: &str, bytes: usize) {
        self.0.update(format!("{name} {bytes}\n").as_bytes());
    }

    fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self) -> String {
        self.0.finalize().to_hex().to_string()
    }
}

/// What two checkpoints differ in first: a tensor, whichever they hold, or where they stand.
pub(super) fn differing(one: &Path, other: &Path) -> Result<Option<String>, CheckpointError> {
    let read = |path: &Path| std::fs::read(path).map_err(|error| unreadable(path, &error));
    let (a, b) = (read(one)?, read(other)?);
    if a == b {
        return Ok(None);
    }
    let tensors = |path, bytes| SafeTensors::deserialize(bytes).map_err(|e| unreadable(path, &e));
    let (a, b) = (tensors(one, &a)?, tensors(other, &b)?);
    let mut names: Vec<&str> = a.names().into_iter().chain(b.names()).collect();
    names.sort_unstable();
    let data = |of: &SafeTensors<'_>, name: &str| of.tensor(name).ok().map(|t| t.data().to_vec());
    let differs = |name: &&str| data(&a, name) != data(&b, name);
    let found = names.into_iter().find(differs).map(|name| format!("`{name}`"));
    Ok(Some(found.unwrap_or_else(|| "where the run stands".to_string())))
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> CheckpointError {
    CheckpointError(format!("the checkpoint {} can not be read: {error}", path.display()))
}

impl Checkpoint {
    /// What its tensors take of memory.
    pub fn bytes(&self) -> u64 {
        let kept = self.kept.iter().map(|(_, kept)| kept).chain(&self.average);
        kept.chain([&self.parameters]).map(Parameters::bytes).sum()
    }

    /// Of the weights alone: names, shapes and every bit.
    pub fn hash(&self) -> String {
        let mut order: Vec<usize> = (0..self.names.len()).collect();
        order.sort_by_key(|&i| &self.names[i]);
        let mut hasher = blake3::Hasher::new();
        for i in order {
            hasher.update(format!("{} {:?}\n", self.names[i], self.shapes[i]).as_bytes());
            let values = self.parameters[i].iter();
            hasher.update(&values.flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>());
        }
        hasher.finalize().to_hex()[..16].to_string()
    }

    /// Writes it, see [`save`].
    pub fn save(&self, path: &Path) -> Result<(), CheckpointError> {
        let kept = self.kept.iter().map(|(name, values)| (name.as_str(), values)).collect();
        let Checkpoint { names, shapes, parameters, average, .. } = self;
        let average = average.as_ref();
        save(path, &self.meta, &Tensors { names, shapes, parameters, kept, average })
    }

    /// What to measure and to give out: the running mean if there is one and not the parameters
    /// themselves are asked for.
    pub fn weights(&self, raw: bool) -> &Parameters {
        self.average.as_ref().filter(|_| !raw).unwrap_or(&self.parameters)
    }

    /// The same taken out: the others are none any more.
    pub fn take_weights(&mut self, raw: bool) -> Parameters {
        let (average, parameters) = (self.average.take(), std::mem::take(&mut self.parameters));
        average.filter(|_| !raw).unwrap_or(parameters)
    }

    /// The same with its tensors in the order of `graph`, or in what they differ from it.
    pub fn fitted(self, graph: &Graph) -> Result<Checkpoint, CheckpointError> {
        let index: HashMap<&str, usize> =
            self.names.iter().enumerate().map(|(i, n)| (n.as_str(), i)).collect();
        let mut misfit = Misfit::default();
        let mut order = Vec::new();
        for param in graph.params.iter() {
            match index.get(param.name.as_str()) {
                None => misfit.missing.push(param.name.clone()),
                Some(&i) if self.shapes[i] != param.shape => {
                    let (needed, found) = (param.shape.clone(), self.shapes[i].clone());
                    misfit.misshapen.push((param.name.clone(), needed, found));
                }
                Some(&i) => order.push(i),
            }
        }
        let known: HashSet<&str> = graph.params.iter().map(|p| p.name.as_str()).collect();
        let extra = self.names.iter().filter(|n| !known.contains(n.as_str()));
        misfit.extra = extra.cloned().collect();
        let (there, here) = (&self.meta.graph_hash, graph.hash());
        if misfit != Misfit::default() || *there != here {
            let message = "the checkpoint is of another graph";
            let message = format!("{message} ({there}) than the model ({here}){misfit}");
            return Err(CheckpointError(message));
        }
        // One after the other, and what it was is gone.
        let pick = |p: Parameters| order.iter().map(|&i| &p[i]).collect::<Parameters>();
        let kept = self.kept.into_iter();
        Ok(Checkpoint {
            parameters: pick(self.parameters),
            kept: kept.map(|(name, values)| (name, pick(values))).collect(),
            average: self.average.map(pick),
            names: order.iter().map(|&i| self.names[i].clone()).collect(),
            shapes: order.iter().map(|&i| self.shapes[i].clone()).collect(),
            meta: self.meta,
        })
    }
}
