//! The same training, straight on and interrupted, compared bit by bit.
//!
//! A rehearsal is short: epochs are cut to a few steps, so that their turn is in it, and of the test
//! images one batch is measured. All else is the training itself.

mod mark;
mod stretch;

pub use mark::{Difference, Mark, first_difference};
pub use stretch::{Stretch, Until};

use super::checkpoint::differing;
use super::{Checkpoint, CheckpointError, Meta, Metrics, Record, RunFolder};
use crate::exec::random::{Random, Site};
use std::path::Path;

/// What is rehearsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsal {
    pub steps: u64,
    /// Steps of an epoch.
    pub per_epoch: u64,
    /// Steps taken before it begins.
    pub first: u64,
    /// After which steps of it there is an interruption, ascending.
    pub moments: Vec<u64>,
}

/// One way through it.
#[derive(Debug, Clone, PartialEq)]
pub struct Leg {
    pub how: How,
    /// Of every stretch.
    pub threads: Vec<usize>,
    pub workers: Vec<usize>,
    /// With those that were done again.
    pub steps: u64,
    /// Of the weights it ends in.
    pub weights: String,
    /// Of the first leg, which all others are compared with, none.
    pub difference: Option<Difference>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    Straight,
    /// By Ctrl-C: the run saves where it is.
    Stopped,
    /// From outside: what was done since the last checkpoint is lost.
    Killed,
}

impl How {
    pub fn name(self) -> &'static str {
        match self {
            How::Straight => "straight",
            How::Stopped => "stopped",
            How::Killed => "killed",
        }
    }
}

/// What was compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    pub legs: Vec<Leg>,
    /// Lines of metrics.
    pub metrics: usize,
}

impl Compared {
    pub fn equal(&self) -> bool {
        self.legs.iter().all(|leg| leg.difference.is_none())
    }
}

impl Rehearsal {
    /// Of about `steps` steps, fewer where the whole training has fewer; two epochs where an epoch is
    /// that long and the training has so many. `meta` is put where it begins.
    pub fn new(steps: u64, whole_epoch: u64, epochs: u64, meta: &mut Meta) -> Rehearsal {
        let whole_epoch = whole_epoch.max(1);
        let steps = steps.min(whole_epoch.saturating_mul(epochs)).max(1);
        let per_epoch = steps.div_ceil(epochs.clamp(1, 2)).min(whole_epoch);
        let latest = epochs.saturating_sub(steps.div_ceil(per_epoch));
        meta.epoch = meta.epoch.min(latest);
        meta.batch = 0;
        meta.step = meta.epoch * per_epoch;
        meta.evaluated = meta.step;
        meta.metrics_lines = 0;
        meta.best_top1 = None;
        meta.window = Default::default();
        Rehearsal { steps, per_epoch, first: meta.step, moments: Vec::new() }
    }

    /// Interrupted at `count` random moments, one in each of as many equal parts; `seed` decides.
    pub fn at_random(self, count: u64, seed: u64) -> Rehearsal {
        let mut random = Random::named(seed, "interruptions", Site::Other);
        let within = self.steps - 1;
        let count = count.min(within);
        let moment = |part: u64| {
            let (from, to) = (part * within / count, (part + 1) * within / count);
            1 + from + random.below(to - from)
        };
        let moments = (0..count).map(moment).collect();
        self.at(moments)
    }

    /// Interrupted after these steps of it.
    pub fn at(self, mut moments: Vec<u64>) -> Rehearsal {
        moments.retain(|moment| (1..self.steps).contains(moment));
        moments.sort_unstable();
        moments.dedup();
        Rehearsal { moments, ..self }
    }

    /// Trains straight on and interrupted, in folders within `root` that are gone afterwards. `train`
    /// does a stretch and gives what [`Stretch::run`] does; `names` are the parameters'.
    pub fn run<E: From<CheckpointError> + From<std::io::Error>>(
        &self,
        root: &Path,
        names: &[String],
        [threads, workers]: [usize; 2],
        mut train: impl FnMut(&Stretch) -> Result<Vec<Mark>, E>,
    ) -> Result<Compared, E> {
        let straight = RunFolder::open(&root.join(How::Straight.name()));
        std::fs::create_dir_all(&straight.path)?;
        let mut known = Vec::new();
        let mut legs = Vec::new();
        for how in [How::Straight, How::Stopped, How::Killed] {
            let moments = if how == How::Straight { &[][..] } else { &self.moments };
            let mut folder = RunFolder::open(&root.join(how.name()));
            let (mut marks, mut used) = (Vec::new(), [Vec::new(), Vec::new()]);
            for stretch in 0..=moments.len() {
                std::fs::create_dir_all(&folder.path)?;
                let next = RunFolder::open(&root.join(format!("killed-{}", stretch + 1)));
                let until = match (moments.get(stretch), how) {
                    (None, _) => Until::End,
                    (Some(moment), How::Killed) => {
                        Until::Killed(self.first + moment, next.path.clone())
                    }
                    (Some(moment), _) => Until::Stopped(self.first + moment),
                };
                let killed = matches!(until, Until::Killed(..));
                // Each time with others, more and fewer.
                let others = |n: usize| match how {
                    How::Straight => n,
                    _ => 1 + (n + stretch) % 3,
                };
                let (threads, workers) = (others(threads), others(workers));
                used[0].push(threads);
                used[1].push(workers);
                marks.extend(train(&Stretch {
                    folder: folder.clone(),
                    threads,
                    workers,
                    per_epoch: self.per_epoch,
                    end: self.first + self.steps,
                    until,
                })?);
                if killed {
                    std::fs::remove_dir_all(&folder.path)?;
                    folder = next;
                }
            }
            let last = Checkpoint::load(&folder.last())?;
            let difference = match how {
                How::Straight => None,
                _ => first_difference(&known, &marks, names)
                    .map_or_else(|| written(&straight, &folder), |found| Ok(Some(found)))?,
            };
            let [threads, workers] = used;
            let steps = marks.len() as u64;
            legs.push(Leg { how, threads, workers, steps, weights: last.hash(), difference });
            match how {
                How::Straight => known = marks,
                _ => std::fs::remove_dir_all(&folder.path)?,
            }
        }
        Ok(Compared { legs, metrics: Metrics::read(&straight.metrics())?.len() })
    }
}

/// The first difference between what two runs have left in their folders.
fn written(one: &RunFolder, other: &RunFolder) -> Result<Option<Difference>, CheckpointError> {
    let differs = |what: String| Ok(Some(Difference { step: None, what }));
    for of in [RunFolder::last, RunFolder::best] {
        let (a, b) = (of(one), of(other));
        if a.exists() != b.exists() {
            return differs(format!("whether there is a {}", name(&a)));
        }
        if a.exists()
            && let Some(what) = differing(&a, &b)?
        {
            return differs(format!("{what} in {}", name(&a)));
        }
    }
    let lines = |folder: &RunFolder| -> Vec<String> {
        let records = Metrics::read(&folder.metrics()).unwrap_or_default();
        // How fast it went is no result. As text, a number that is none equals another.
        let timeless = |record| Record { images_per_second: None, ..record };
        records.into_iter().map(|record| format!("{:?}", timeless(record))).collect()
    };
    let (a, b) = (lines(one), lines(other));
    match (0..a.len().max(b.len())).find(|&line| a.get(line) != b.get(line)) {
        Some(line) => differs(format!("line {} of metrics.jsonl", line + 1)),
        None => Ok(None),
    }
}

fn name(path: &Path) -> String {
    path.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned())
}
