//! `metrics.jsonl`: one JSON object a line, only ever appended to.

use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
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

/// The open file.
pub struct Metrics {
    file: File,
}

impl Metrics {
    /// Opens the file of a run that stands at `step`: what a killed run wrote after its last
    /// checkpoint is cut off, for it will be done again.
    pub fn open(path: &Path, step: u64) -> io::Result<Metrics> {
        if path.exists() {
            let kept: Vec<Record> =
                Metrics::read(path)?.into_iter().filter(|r| r.step <= step).collect();
            let mut text = String::new();
            for record in &kept {
                text.push_str(&serde_json::to_string(record)?);
                text.push('\n');
            }
            std::fs::write(path, text)?;
        }
        Ok(Metrics { file: OpenOptions::new().create(true).append(true).open(path)? })
    }

    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        let mut line = serde_json::to_string(record)?;
        line.push('\n');
        self.file.write_all(line.as_bytes())
    }

    /// The lines of a file; one cut short by a crash is left out.
    pub fn read(path: &Path) -> io::Result<Vec<Record>> {
        let text = std::fs::read_to_string(path)?;
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }
}
