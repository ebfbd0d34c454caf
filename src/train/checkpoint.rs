//! Checkpoints: everything a run needs to go on, in one safetensors file written atomically.
//!
//! Tensors `parameters/NAME`, for each name of [`Rule::kept`](crate::graph::ops::Rule::kept), as
//! `adamw.m`, a tensor `adamw.m/NAME`, and where a running mean is kept `ema/NAME`; the metadata key
//! `cluec` holds [`Meta`] as JSON, the text of the model with it.

use super::metrics::is_zero;
use super::run::replace;
use super::window::{Exact, Window};
use crate::exec::published::Misfit;
use crate::exec::{Parameters, Scaling};
use crate::foreign::{Floats, explained, write};
use crate::graph::Graph;
use crate::graph::ops::LossScale;
use safetensors::tensor::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
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
    let mut hasher = blake3::Hasher::new();
    for (name, bytes) in &tensors {
        hasher.update(format!("{name} {}\n", bytes.len()).as_bytes());
        hasher.update(bytes);
    }
    hasher.finalize().to_hex().to_string()
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

    /// Reads a checkpoint whole.
    pub fn load(path: &Path) -> Result<Checkpoint, CheckpointError> {
        let fail = |error: &dyn std::fmt::Display| unreadable(path, error);
        let bytes = std::fs::read(path).map_err(|e| fail(&e))?;
        Checkpoint::read(&bytes).map_err(|message| fail(&message))
    }

    /// The same of its bytes; an error is a sentence without its beginning.
    pub fn read(bytes: &[u8]) -> Result<Checkpoint, String> {
        let fail = |error: &dyn std::fmt::Display| error.to_string();
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(explained)?;
        let text = header.metadata().as_ref().and_then(|m| m.get("cluec"));
        let text = text.ok_or_else(|| fail(&"it was not written by cluec"))?;
        // The number first: another format may have other fields.
        let any: serde_json::Value = serde_json::from_str(text).map_err(|e| fail(&e))?;
        if any["format"] != FORMAT {
            let message = format!("its format is {}, and this cluec reads {FORMAT}", any["format"]);
            return Err(fail(&message));
        }
        let noted = any.get(SUM).and_then(|sum| sum.as_str()).map(str::to_string);
        let meta: Meta = serde_json::from_value(any).map_err(|e| fail(&e))?;
        let tensors = SafeTensors::deserialize(bytes).map_err(explained)?;
        // Those of before there were sums have none.
        let views = tensors.iter().map(|(name, view)| (name, Cow::Borrowed(view.data())));
        if noted.is_some_and(|noted| noted != sum(views)) {
            return Err(fail(&"its check sum does not fit: the file is damaged"));
        }
        let found: Vec<(&str, &str)> =
            tensors.names().into_iter().filter_map(|name| name.split_once('/')).collect();
        let mut names: Vec<String> = found
            .iter()
            .filter(|(part, _)| *part == PARAMETERS)
            .map(|(_, name)| name.to_string())
            .collect();
        names.sort();
        let parts: BTreeSet<&str> = found.iter().map(|(part, _)| *part).collect();
        let mut shapes = Vec::new();
        let mut kept = Vec::new();
        let (mut parameters, mut average) = (Parameters::default(), None);
        for part in
            std::iter::once(PARAMETERS).chain(parts.into_iter().filter(|p| *p != PARAMETERS))
        {
            let mut values = Vec::with_capacity(names.len());
            for (at, name) in names.iter().enumerate() {
                let view = tensors.tensor(&format!("{part}/{name}")).map_err(|e| fail(&e))?;
                if view.dtype() != Dtype::F32 {
                    return Err(fail(&format!("`{part}/{name}` is not fp32")));
                }
                let (floats, _) = view.data().as_chunks::<4>();
                values.push(floats);
                if part == PARAMETERS {
                    shapes.push(view.shape().to_vec());
                } else if shapes[at] != view.shape() {
                    return Err(fail(&format!("`{part}/{name}` is not shaped as its parameter")));
                }
            }
            let mut numbers = Parameters::new(values.iter().map(|floats| floats.len()));
            for (to, from) in numbers.iter_mut().zip(values) {
                to.iter_mut().zip(from).for_each(|(to, from)| *to = f32::from_le_bytes(*from));
            }
            match part {
                PARAMETERS => parameters = numbers,
                AVERAGE => average = Some(numbers),
                part => kept.push((part.to_string(), numbers)),
            }
        }
        Ok(Checkpoint { meta, names, shapes, parameters, kept, average })
    }

    /// What to measure and to give out: the running mean if there is one and not the parameters
    /// themselves are asked for.
    pub fn weights(&self, raw: bool) -> &Parameters {
        self.average.as_ref().filter(|_| !raw).unwrap_or(&self.parameters)
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
        let pick = |p: &Parameters| order.iter().map(|&i| &p[i]).collect::<Parameters>();
        Ok(Checkpoint {
            parameters: pick(&self.parameters),
            kept: self.kept.iter().map(|(name, values)| (name.clone(), pick(values))).collect(),
            average: self.average.as_ref().map(pick),
            names: order.iter().map(|&i| self.names[i].clone()).collect(),
            shapes: order.iter().map(|&i| self.shapes[i].clone()).collect(),
            meta: self.meta,
        })
    }
}
