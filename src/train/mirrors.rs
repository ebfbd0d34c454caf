//! The metrics once more for other programs: `metrics.csv` for tables, an event file for TensorBoard.
//!
//! Both follow `metrics.jsonl`, line for line: they hold what it holds after an interruption too.

use super::events::{Events, Scalars};
use super::run::{naming, replace};
use super::{Metrics, Record, RunFolder};
use serde_json::{Map, Value};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};

const COLUMNS: [&str; 12] = [
    "kind",
    "step",
    "epoch",
    "loss",
    "top1",
    "top3",
    "lr",
    "broken",
    "images_per_second",
    "skipped",
    "loss_scale",
    "overflowed",
];

pub struct Mirrors {
    csv: File,
    events: Events,
    folder: RunFolder,
}

impl Mirrors {
    /// Of a run whose metrics are open, and cut to what its checkpoint knows.
    pub fn open(folder: &RunFolder) -> io::Result<Mirrors> {
        let past = Metrics::read(&folder.metrics())?;
        let past: Vec<Map<String, Value>> = past.iter().map(fields).collect();
        let scalars: Vec<Scalars> = past.iter().map(scalars).collect();
        let (csv, events) = (folder.csv(), folder.events());
        let events = Events::open(&events, &scalars).map_err(naming(&events))?;
        let lines: String = past.iter().map(line).collect();
        let table = format!("{}\n{lines}", COLUMNS.join(","));
        let opened = replace(&csv, |file| file.write_all(table.as_bytes()))
            .and_then(|()| OpenOptions::new().append(true).open(&csv));
        Ok(Mirrors { csv: opened.map_err(naming(&csv))?, events, folder: folder.clone() })
    }

    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        let fields = fields(record);
        let (csv, events) = (self.folder.csv(), self.folder.events());
        self.csv.write_all(line(&fields).as_bytes()).map_err(naming(&csv))?;
        self.events.write(&scalars(&fields)).map_err(naming(&events))
    }
}

/// A record by the names of its fields.
fn fields(record: &Record) -> Map<String, Value> {
    match serde_json::to_value(record) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// Nothing that is written needs quotes.
fn line(fields: &Map<String, Value>) -> String {
    let cell = |name: &&str| match fields.get(*name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) => String::new(),
        Some(value) => value.to_string(),
        None if ["broken", "skipped", "overflowed"].contains(name) => "0".to_string(),
        None => String::new(),
    };
    COLUMNS.iter().map(cell).collect::<Vec<String>>().join(",") + "\n"
}

/// What is measured, as `train/loss`: all numbers but those that say when.
fn scalars(fields: &Map<String, Value>) -> Scalars {
    let kind = fields.get("kind").and_then(Value::as_str).unwrap_or("train");
    let measured = fields.iter().filter(|(name, _)| !["step", "epoch"].contains(&name.as_str()));
    let named = |around: &str, (name, value): (&String, &Value)| {
        Some((format!("{around}/{name}"), value.as_f64()?))
    };
    let clusters = fields.get("clusters").and_then(Value::as_object).into_iter().flatten();
    Scalars {
        step: fields.get("step").and_then(Value::as_u64).unwrap_or(0),
        values: measured
            .filter_map(|field| named(kind, field))
            .chain(clusters.filter_map(|field| named("clusters", field)))
            .collect(),
    }
}
