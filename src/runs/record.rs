//! `run.json`: what a run says of itself.

use super::key;
use crate::diag::number::median;
use crate::spec::Keep;
use crate::train::{Earlier, Metrics, Record, RunFolder, naming, replace, unread};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

/// A run, as its folder tells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// What the result follows from ([`super::key`]).
    pub key: String,
    /// A model, or a case.
    pub model: String,
    /// Of which ablation it is a case, or the model.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ablation: Option<String>,
    pub seed: u64,
    /// The hash of the graph.
    pub graph: String,
    pub params: u64,
    pub macs: u64,
    pub ptflops: u64,
    /// The learning rate, where it was to be found.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lr: Option<f64>,
    /// What its earlier steps followed from, where settings or images changed on the way: such a run is
    /// the result of no text, and its key that of none.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub earlier: Vec<Earlier>,
    /// What ran it, and on what.
    pub executor: String,
    /// The instructions that a CPU's kernels used, where they ran: bits follow from them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub instructions: Option<String>,
    /// Of cluec.
    pub version: String,
    /// Seconds since 1970.
    pub began: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended: Option<u64>,
    pub state: State,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub score: Option<Score>,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Training,
    Finished,
    /// From outside; it can go on.
    Stopped,
    Failed,
    /// It says that it trains, and nobody does: the program was killed. Never written.
    #[serde(skip_deserializing)]
    Killed,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            State::Training => "training",
            State::Finished => "finished",
            State::Stopped => "stopped",
            State::Failed => "failed",
            State::Killed => "killed",
        }
    }
}

/// What came out, on the test images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Steps taken when it was measured.
    pub step: u64,
    pub loss: f64,
    /// Parts of the images, from 0 to 1.
    pub top1: f64,
    pub top3: f64,
    /// Training images per second, where it was trained.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fps: Option<f64>,
}

impl Score {
    /// Of the checkpoint that counts as the result.
    pub fn of(records: &[Record], keep: Keep) -> Option<Score> {
        let mut evaluations = records.iter().filter(|record| record.kind == "eval");
        let record = match keep {
            Keep::Last => evaluations.next_back(),
            // Of equal ones the first was kept.
            Keep::Best => evaluations.rev().max_by(|a, b| a.top1.total_cmp(&b.top1)),
        }?;
        let mut speeds: Vec<f64> = records.iter().filter_map(|r| r.images_per_second).collect();
        speeds.sort_by(f64::total_cmp);
        Some(Score {
            step: record.step,
            loss: record.loss,
            top1: record.top1,
            top3: record.top3.unwrap_or(record.top1),
            fps: median(&speeds),
        })
    }
}

impl Run {
    /// The same of a training whose earlier steps followed from something else, if there are any.
    pub fn after(self, earlier: &[Earlier]) -> Run {
        Run { key: key::after(earlier, self.key), earlier: earlier.to_vec(), ..self }
    }

    /// What a folder says; none if it holds no run.
    pub fn read(folder: &RunFolder) -> io::Result<Option<Run>> {
        let path = folder.record();
        let read = match std::fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).map(Some).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        read.map_err(unread(&path))
    }

    pub fn write(&self, folder: &RunFolder) -> io::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        let path = folder.record();
        replace(&path, |file| writeln!(file, "{text}")).map_err(naming(&path))
    }

    /// How it stands, whatever it says: a program that was killed could not say so.
    pub fn state(&self, folder: &RunFolder) -> State {
        match self.state {
            State::Training if !Metrics::are_held(&folder.metrics()) => State::Killed,
            state => state,
        }
    }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
