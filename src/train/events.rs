//! Event files of TensorBoard: records of a length, its check sum, a protocol buffer, its check sum;
//! messages with their tags from TensorFlow's event.proto and summary.proto.

use prost::Message;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Scalar>,
}

#[derive(Clone, PartialEq, Message)]
struct Scalar {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

/// Names and values at one step.
pub struct Scalars {
    pub step: u64,
    pub values: Vec<(String, f64)>,
}

/// An event file that is written to.
#[derive(Debug)]
pub struct Events(File);

impl Events {
    /// Opens the file of a run that stands behind `past`: what was written after that is cut off,
    /// and where less was written the file begins anew, all of it at this time.
    pub fn open(path: &Path, past: &[Scalars]) -> io::Result<Events> {
        let mut file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        // The version stands before the events.
        if let Some(end) = end_of(&bytes, past.len() + 1) {
            file.set_len(end as u64)?;
            return Ok(Events(file));
        }
        file.set_len(0)?;
        let mut events = Events(file);
        let version = Some("brain.Event:2".to_string());
        events.push(&Event { wall_time: now(), file_version: version, ..Event::default() })?;
        past.iter().try_for_each(|scalars| events.write(scalars))?;
        Ok(events)
    }

    pub fn write(&mut self, scalars: &Scalars) -> io::Result<()> {
        let value = scalars
            .values
            .iter()
            .map(|(tag, value)| Scalar { tag: tag.clone(), simple_value: Some(*value as f32) });
        self.push(&Event {
            wall_time: now(),
            step: scalars.step as i64,
            file_version: None,
            summary: Some(Summary { value: value.collect() }),
        })
    }

    fn push(&mut self, event: &Event) -> io::Result<()> {
        let body = event.encode_to_vec();
        let length = (body.len() as u64).to_le_bytes();
        let sums = [masked(&length), masked(&body)].map(u32::to_le_bytes);
        self.0.write_all(&[&length[..], &sums[0], &body, &sums[1]].concat())
    }
}

/// Where the first `count` records end, if there are so many.
fn end_of(bytes: &[u8], count: usize) -> Option<usize> {
    (0..count).try_fold(0usize, |at, _| {
        let length = u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?);
        let end = at.checked_add(usize::try_from(length).ok()?)?.checked_add(16)?;
        (end <= bytes.len()).then_some(end)
    })
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

/// The check sum as the format rotates and shifts it, so that sums of sums differ from sums.
fn masked(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// The cyclic redundancy check of the polynomial of Castagnoli.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            (sum >> 1) ^ if sum & 1 == 1 { 0x82f6_3b78 } else { 0 }
        })
    })
}

#[cfg(test)]
mod tests {
    /// The check value that goes with the polynomial.
    #[test]
    fn the_check_sum_is_castagnolis() {
        assert_eq!(super::crc32c(b"123456789"), 0xe306_9283);
    }
}
