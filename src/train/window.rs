//! What training steps have shown since the last line of the metrics.

use super::metrics::is_zero;
use super::{Meta, Record, rank};
use crate::exec::Step;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::time::Duration;

/// Sums over the steps since the last line. A checkpoint keeps them, so that the lines of a run
/// that was interrupted are those of one that was not.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Window {
    pub loss: Exact,
    /// Images whose largest logit was the right one: of a mixed image, that of its larger part.
    pub right: u64,
    pub images: u64,
    pub steps: u64,
    /// Images replaced because they are broken.
    #[serde(default)]
    pub broken: u64,
    /// Steps skipped, because gradients overflowed; they count above as well.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub skipped: u64,
}

impl Window {
    /// Takes in one step.
    pub fn add(&mut self, result: &Step, labels: &[u32]) {
        self.skipped += u64::from(!result.taken);
        let classes = result.logits.len() / labels.len().max(1);
        let rows = result.logits.chunks(classes.max(1)).zip(labels);
        self.right += rows.filter(|(row, label)| rank(row, **label) == 0).count() as u64;
        self.images += labels.len() as u64;
        self.loss.0 += result.loss;
        self.steps += 1;
    }

    /// The means, `images` of them seen in `elapsed`.
    pub fn record(&self, meta: &Meta, lr: f64, images: u64, elapsed: Duration) -> Record {
        Record {
            kind: "train".into(),
            step: meta.step,
            epoch: meta.epoch + 1,
            loss: self.loss.0 / self.steps.max(1) as f64,
            top1: self.right as f64 / self.images.max(1) as f64,
            top3: None,
            lr: Some(lr),
            images_per_second: Some(images as f64 / elapsed.as_secs_f64().max(1e-9)),
            broken: self.broken,
            overflowed: 0,
            skipped: self.skipped,
            loss_scale: meta.scaling.map(|scaling| scaling.scale.0),
            clusters: Default::default(),
        }
    }
}

/// A number that is read as it was written, to the bit: as JSON it is a text, for serde_json rounds
/// the numbers that it reads.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Exact(pub f64);

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Exact, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Exact).map_err(serde::de::Error::custom)
    }
}
