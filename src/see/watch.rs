//! How clusters are used while a model trains.

use super::record::{SeeError, look};
use super::statistics::Statistics;
use crate::exec::{Parameters, cpu};
use crate::graph::Graph;
use crate::train::{Watch, Watched};

/// Looks by the kernels of the CPU, wherever the model trains.
pub struct Watcher<'a> {
    pub graph: &'a Graph,
}

impl Watch for Watcher<'_> {
    /// Nothing of a model that assigns nothing.
    fn watch(&self, parameters: &Parameters, images: &[f32]) -> Result<Watched, String> {
        let records = match look(self.graph, parameters, images, cpu::observe) {
            Ok(records) => records,
            Err(SeeError::NoAssignment) => return Ok(Watched::default()),
            Err(error) => return Err(error.to_string()),
        };
        let statistics = Statistics::of(&records);
        let collapsed = statistics.collapsed().into_iter();
        let collapsed = collapsed.map(|part| {
            format!("the clusters of {part} have collapsed: nearly every position belongs to one")
        });
        Ok(Watched {
            numbers: statistics.scalars().into_iter().collect(),
            warnings: collapsed.collect(),
        })
    }
}
