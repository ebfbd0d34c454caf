//! One stretch of a rehearsal: from where a folder stands to where it is interrupted.

use super::mark::{Mark, Watched};
use crate::exec::Trainer;
use crate::train::{Batches, Fed, Fit, Meta, Outcome, RunFolder, TrainError};
use std::cell::{Cell, RefCell};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// How a stretch ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Until {
    End,
    /// It is stopped and saves, after so many steps.
    Stopped(u64),
    /// It is killed within the step after so many: what lies in its folder at that moment is copied
    /// to this one, and nothing else is left of it.
    Killed(u64, PathBuf),
}

/// Training that is to be done, in a folder that holds a checkpoint or nothing yet.
#[derive(Debug, Clone)]
pub struct Stretch {
    pub folder: RunFolder,
    pub threads: usize,
    pub workers: usize,
    /// Steps of an epoch, and after which the training ends.
    pub per_epoch: u64,
    pub end: u64,
    pub until: Until,
}

impl Stretch {
    /// Trains it as `fit` says from where `trainer` and `meta` stand; what every step left.
    pub fn run(
        &self,
        fit: Fit<'_>,
        trainer: &mut dyn Trainer,
        meta: Meta,
    ) -> Result<Vec<Mark>, TrainError> {
        let step = Cell::new(meta.step);
        let copied = RefCell::new(Ok(()));
        let reached = Cell::new(false);
        let before = || {
            let now = step.replace(step.get() + 1);
            let ends = match &self.until {
                Until::End => false,
                Until::Stopped(after) => now + 1 == *after,
                Until::Killed(after, to) if now == *after => {
                    *copied.borrow_mut() = copy(&self.folder.path, to);
                    true
                }
                Until::Killed(..) => false,
            };
            if ends {
                reached.set(true);
                fit.stop.store(true, Ordering::Relaxed);
            }
        };
        let train = Cut { inner: fit.train, most: self.per_epoch, before: &before };
        // That is enough to see whether the measurements are equal.
        let test = Cut { inner: fit.test, most: 1, before: &|| {} };
        let mut watched = Watched { inner: trainer, marks: Vec::new() };
        let fit = Fit { train: &train, test: &test, max_steps: Some(self.end), ..fit };
        let outcome = fit.run(&mut watched, meta)?;
        if reached.get() {
            fit.stop.store(false, Ordering::Relaxed);
        } else if matches!(outcome, Outcome::Interrupted) {
            return Err(TrainError::Data("stopped".into()));
        }
        copied.into_inner()?;
        Ok(watched.marks)
    }
}

/// The first batches of every epoch.
struct Cut<'a> {
    inner: &'a dyn Batches,
    most: u64,
    /// Called whenever a batch is about to be handed over.
    before: &'a dyn Fn(),
}

impl Batches for Cut<'_> {
    fn per_epoch(&self) -> u64 {
        self.inner.per_epoch().min(self.most)
    }

    fn epoch(&self, epoch: u64, first: u64) -> Box<dyn Iterator<Item = Result<Fed, String>> + '_> {
        let left = self.per_epoch().saturating_sub(first);
        let batches = self.inner.epoch(epoch, first).take(left as usize);
        Box::new(batches.inspect(|_| (self.before)()))
    }

    fn numbers(
        &self,
        epoch: u64,
        first: u64,
    ) -> Box<dyn Iterator<Item = Result<Fed, String>> + '_> {
        self.inner.numbers(epoch, first)
    }
}

/// The files of a folder as they are now.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
