//! Who trains what: of all processes one alone begins a run, or goes on with one.

use super::record::{Run, State};
use super::store::{Store, StoreError};
use super::{Entry, store};
use crate::train::{Metrics, RunFolder};
use std::io;
use std::path::Path;

/// What there is of the runs of a key.
#[derive(Debug)]
pub enum Claim {
    /// It is trained, here.
    Finished(RunFolder, Box<Run>),
    /// Another process trains it, here.
    Taken(RunFolder),
    /// It is ours: begun now, or to go on with where it has a checkpoint.
    Ours(Box<Entry>),
}

impl Store {
    /// Whether there is a run of a key, however it stands.
    pub fn is_begun(&mut self, key: &str) -> Result<bool, StoreError> {
        self.alone(|db, root| {
            let folders = store::folders(db, root, key)?;
            Ok(folders.iter().any(|folder| folder.record().is_file()))
        })
    }

    /// The finished run of the key of `run`; else one to go on with, which is ours from now on, as a
    /// new one is: the folder `name` in `within`, below the root.
    pub fn claim(&mut self, run: Run, within: &Path, name: &str) -> Result<Claim, StoreError> {
        let within = self.root().join(within);
        // Whoever else claims waits until this is over.
        self.alone(|db, root| {
            let mut unfinished = Vec::new();
            for folder in store::folders(db, root, &run.key)? {
                match Run::read(&folder)? {
                    Some(known) if known.key != run.key => {}
                    Some(known) if known.state == State::Finished => {
                        return Ok(Claim::Finished(folder, Box::new(known)));
                    }
                    Some(_) => unfinished.push(folder),
                    None => {}
                }
            }
            for folder in &unfinished {
                match Metrics::hold(&folder.metrics()) {
                    Ok(held) => {
                        // It may have ended since it was looked at.
                        if let Some(known) = Run::read(folder)?
                            && known.state == State::Finished
                        {
                            return Ok(Claim::Finished(folder.clone(), Box::new(known)));
                        }
                        return Ok(Claim::Ours(Box::new(Entry::held(folder.clone(), run, held)?)));
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error.into()),
                }
            }
            if let Some(folder) = unfinished.into_iter().next() {
                return Ok(Claim::Taken(folder));
            }
            let entry = Entry::begin(RunFolder::create(&within, name)?, run)?;
            store::put(db, root, &entry.folder)??;
            Ok(Claim::Ours(Box::new(entry)))
        })
    }
}
