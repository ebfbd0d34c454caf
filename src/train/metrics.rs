//! `metrics.jsonl`: one JSON object a line, only ever appended to.

use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// `train` (means since the line before) or `eval`.
    pub kind: String,
    /// Steps taken when it was written.
    pub step: u64,
    /// The epoch running, from 1.
    pub epoch: u64,
    pub loss: f64,
    pub top1: f64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub top3: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lr: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub images_per_second: Option<f64>,
}

/// The open file, which no other process writes to at the same time.
pub struct Metrics {
    file: File,
    /// Lines in it.
    pub lines: u64,
}

impl Metrics {
    /// Opens the file of a run whose checkpoint knows of `lines` lines: what a killed run wrote
    /// after its last checkpoint is cut off, for it will be done again.
    pub fn open(path: &Path, lines: u64) -> io::Result<Metrics> {
        let mut file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
        // Some file systems have no locks: then nothing is held.
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(io::Error::other("another cluec trains in this folder"));
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let ends: Vec<usize> = ends.map(|(at, _)| at + 1).take(lines as usize).collect();
        file.set_len(ends.last().copied().unwrap_or(0) as u64)?;
        Ok(Metrics { file, lines: ends.len() as u64 })
    }

    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        let mut line = serde_json::to_string(record)?;
        line.push('\n');
        self.file.write_all(line.as_bytes())?;
        self.lines += 1;
        Ok(())
    }

    /// What was written reaches the disk.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// The lines of a file; one cut short by a crash is left out.
    pub fn read(path: &Path) -> io::Result<Vec<Record>> {
        let text = std::fs::read_to_string(path)?;
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }
}

impl Drop for Metrics {
    /// A process forked in the meantime holds the file as well: closing it alone would not do.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}
