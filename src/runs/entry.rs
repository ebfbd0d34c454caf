//! A run under way: what it says of itself is kept up to date.

use super::record::{Run, Score, State, now};
use crate::spec::Keep;
use crate::train::{Held, Metrics, RunFolder};
use std::io;

/// A run that nobody else trains.
#[derive(Debug)]
pub struct Entry {
    pub folder: RunFolder,
    run: Run,
    /// Until it has said how it ended: who comes after must know.
    held: Held,
}

impl Entry {
    /// Takes hold of a run's folder and says in it that it trains.
    pub fn begin(folder: RunFolder, run: Run) -> io::Result<Entry> {
        let held = Metrics::hold(&folder.metrics())?;
        Entry::held(folder, run, held)
    }

    /// The same of a folder that is held already.
    pub(super) fn held(folder: RunFolder, run: Run, held: Held) -> io::Result<Entry> {
        let earlier = Run::read(&folder).ok().flatten();
        let began = earlier.map_or(run.began, |earlier| earlier.began);
        let run = Run { began, ..run };
        run.write(&folder)?;
        Ok(Entry { folder, run, held })
    }

    /// The metrics of the run, of which its checkpoint knows `lines` lines.
    pub fn metrics(&self, lines: u64) -> io::Result<Metrics> {
        Metrics::from(self.held.clone(), lines)
    }

    /// Notes the learning rate that was found.
    pub fn note_lr(&mut self, lr: f64) -> io::Result<()> {
        self.run.lr = Some(lr);
        self.run.write(&self.folder)
    }

    /// Says how it ended.
    pub fn end(self, state: State, keep: Keep, error: Option<String>) -> io::Result<Run> {
        let records = Metrics::read(&self.folder.metrics()).unwrap_or_default();
        let score = Score::of(&records, keep).filter(|_| state == State::Finished);
        let run = Run { state, error, ended: Some(now()), score, ..self.run };
        run.write(&self.folder)?;
        Ok(run)
    }
}
