//! `metrics.jsonl`: one JSON object a line, only ever appended to.

use super::run::{naming, unread};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// `train` (means since the line before) or `eval`.
    pub kind: String,
    /// Steps taken when it was written.
    pub step: u64,
    /// The epoch running, from 1.
    pub epoch: u64,
    /// No number where that of the test images is none.
    #[serde(deserialize_with = "or_none")]
    pub loss: f64,
    pub top1: f64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub top3: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lr: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub images_per_second: Option<f64>,
    /// Images that could not be read: replaced in training, left out when measured.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub broken: u64,
    /// Test images whose logits are not finite: wrong, and no part of the loss.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub overflowed: u64,
    /// Steps skipped since the line before, because gradients overflowed in half precision.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub skipped: u64,
    /// What the next step's loss is multiplied by, if it is scaled.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub loss_scale: Option<f64>,
    /// How clusters are used, where they are watched: `stage1.block1.entropy`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub clusters: BTreeMap<String, f64>,
}

/// A number that is none stands as null.
fn or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

pub(super) fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// The open file, which no other process writes to at the same time.
pub struct Metrics {
    held: Held,
    /// Lines in it.
    pub lines: u64,
}

/// The file of a run, locked: whoever has it is the one who trains the run.
/// It is let go when the last copy is gone.
#[derive(Debug, Clone)]
pub struct Held(Arc<Locked>);

#[derive(Debug)]
struct Locked {
    file: File,
    path: PathBuf,
}

impl Held {
    fn file(&self) -> &File {
        &self.0.file
    }

    fn path(&self) -> &Path {
        &self.0.path
    }
}

/// How often, and how long, it is waited for whoever only looks whether a file is held.
const LOOKS: (usize, Duration) = (5, Duration::from_millis(10));

impl Metrics {
    /// Takes hold of the file of a run. An error of the kind [`io::ErrorKind::WouldBlock`] is
    /// another process that has it.
    pub fn hold(path: &Path) -> io::Result<Held> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .read(true)
            .open(path)
            .map_err(naming(path))?;
        for _ in 0..LOOKS.0 {
            // Some file systems have no locks: then nothing is held.
            let Err(TryLockError::WouldBlock) = file.try_lock() else {
                return Ok(Held(Arc::new(Locked { file, path: path.to_path_buf() })));
            };
            std::thread::sleep(LOOKS.1);
        }
        let message = "another cluec trains in this folder";
        Err(io::Error::new(io::ErrorKind::WouldBlock, message))
    }

    /// Whether somebody has hold of the file of a run.
    pub fn are_held(path: &Path) -> bool {
        let Ok(file) = File::open(path) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    /// Takes hold of the file of a run, and opens it as [`Metrics::from`] does.
    pub fn open(path: &Path, lines: u64) -> io::Result<Metrics> {
        Metrics::from(Metrics::hold(path)?, lines)
    }

    /// Of a run whose checkpoint knows of `lines` lines: what a killed run wrote after its last
    /// checkpoint is cut off, for it will be done again.
    pub fn from(held: Held, lines: u64) -> io::Result<Metrics> {
        let mut text = Vec::new();
        held.file().read_to_end(&mut text).map_err(unread(held.path()))?;
        let ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let ends: Vec<usize> = ends.map(|(at, _)| at + 1).take(lines as usize).collect();
        let whole = ends.last().copied().unwrap_or(0) as u64;
        held.file().set_len(whole).map_err(naming(held.path()))?;
        Ok(Metrics { held, lines: ends.len() as u64 })
    }

    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        let mut line = serde_json::to_string(record)?;
        line.push('\n');
        self.held.file().write_all(line.as_bytes()).map_err(naming(self.held.path()))?;
        self.lines += 1;
        Ok(())
    }

    /// What was written reaches the disk.
    pub fn sync(&self) -> io::Result<()> {
        self.held.file().sync_data().map_err(naming(self.held.path()))
    }

    /// The lines of a file; one that is damaged, as cut short by a crash, is left out.
    pub fn read(path: &Path) -> io::Result<Vec<Record>> {
        let text = std::fs::read(path).map_err(unread(path))?;
        let text = String::from_utf8_lossy(&text);
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }
}

impl Drop for Locked {
    /// A process forked in the meantime holds the file as well: closing it alone would not do.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}
