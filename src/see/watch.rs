//! How clusters are used while a model trains.

use super::record::{SeeError, Viewer};
use super::statistics::Tally;
use crate::exec::Trainer;
use crate::graph::Graph;
use crate::train::{Watch, Watched};

pub struct Watcher<'a> {
    pub graph: &'a Graph,
}

impl Watch for Watcher<'_> {
    /// Nothing of a model that assigns nothing.
    fn watch(
        &self,
        trainer: &mut dyn Trainer,
        images: &mut dyn Iterator<Item = Result<Vec<f32>, String>>,
    ) -> Result<Watched, String> {
        let viewer = match Viewer::of(self.graph) {
            Ok(viewer) => viewer,
            Err(SeeError::NoAssignment) => return Ok(Watched::default()),
            Err(error) => return Err(error.to_string()),
        };
        let mut show = trainer.show(viewer.watched()).map_err(|error| error.to_string())?;
        let mut tally = Tally::default();
        for images in images {
            // One by one: that takes less than a step does.
            for image in images?.chunks_exact(self.graph.image_numbers()) {
                let shown = show(image).map_err(|error| error.to_string())?;
                let records = viewer.records(&shown).map_err(|error| error.to_string())?;
                records.iter().for_each(|record| tally.add(record));
            }
        }
        let statistics = tally.finish();
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
