//! Images that lie where a model looks at them, and are augmented there: a batch then says which part of
//! which image is seen, and how. That is all there is to say where augmentation moves pixels and
//! computes no new ones; what is drawn is what the loader draws.

use super::augment::{Key, Pipeline, Step, corner, hole};
use super::dataset::Dataset;
use super::loader::{Plan, shuffle};
use crate::exec::random::{Random, Site};
use crate::exec::{Batch, Held, View};
use crate::graph::Size;
use rayon::prelude::*;
use std::sync::Arc;

/// A data set that an executor holds.
pub struct Views {
    set: Arc<dyn Dataset>,
    pipeline: Arc<Pipeline>,
    /// Of every image as stored.
    stored: Size,
}

impl Views {
    /// The images of a set as they are held, in at most so many bytes, for a model that sees `shown`.
    /// None if they are too many or of several sizes, if one can not be read, or if they are augmented
    /// otherwise.
    pub fn of(
        set: &Arc<dyn Dataset>,
        pipeline: &Arc<Pipeline>,
        shown: Size,
        most: u64,
    ) -> Option<(Views, Held)> {
        let first = (!set.is_empty()).then(|| set.image(0).ok()).flatten()?;
        let stored = [first.height, first.width];
        let framed = Frame::of(pipeline, stored, (0, 0, 0))?;
        let bytes = 3 * stored[0] * stored[1];
        if framed.size != shown || (set.len() as u64).saturating_mul(bytes as u64) > most {
            return None;
        }
        let mut pixels = vec![0; set.len() * bytes];
        let read = |(i, to): (usize, &mut [u8])| {
            let image = set.image(i).ok().filter(|image| [image.height, image.width] == stored)?;
            to.copy_from_slice(&image.pixels);
            Some(())
        };
        pixels.par_chunks_mut(bytes).enumerate().try_for_each(|each| read(each).ok_or(())).ok()?;
        let held = Held { size: stored, pixels, colors: pipeline.colors() };
        Some((Views { set: set.clone(), pipeline: pipeline.clone(), stored }, held))
    }

    /// The batches of an epoch, those that a loader would make.
    pub fn epoch(&self, plan: Plan) -> impl Iterator<Item = Batch> + '_ {
        let n = self.set.len();
        let order: Vec<usize> =
            if plan.shuffle { shuffle(plan.seed, plan.epoch, n) } else { (0..n).collect() };
        let view = move |i: usize| {
            let key = (plan.seed, plan.epoch, i as u64);
            let frame = Frame::of(&self.pipeline, self.stored, key);
            frame.map(|frame| View { image: i as u32, ..frame.view })
        };
        let count = order.len().div_ceil(plan.batch.max(1));
        (plan.first_batch..count).map(move |batch| {
            let first = batch * plan.batch;
            let images = &order[first..order.len().min(first + plan.batch)];
            Batch {
                views: images.iter().copied().filter_map(view).collect(),
                labels: images.iter().map(|&i| self.set.label(i)).collect(),
                ..Batch::default()
            }
        })
    }
}

/// What the steps have left of an image so far. Whether a view can say it depends on the steps alone, not on
/// what they draw.
struct Frame {
    view: View,
    size: Size,
    /// A window was cut out.
    cut: bool,
    /// A hole was made, or none by chance.
    erased: bool,
}

impl Frame {
    /// None if a step does more than a view can say.
    fn of(pipeline: &Pipeline, stored: Size, key: Key) -> Option<Frame> {
        let view = View { image: 0, top: 0, left: 0, flip: false, hole: [0; 4] };
        let whole = Frame { view, size: stored, cut: false, erased: false };
        pipeline.steps.iter().try_fold(whole, |frame, step| frame.after(step, key))
    }

    fn after(mut self, step: &Step, (seed, epoch, sample): Key) -> Option<Frame> {
        let random = |site| Random::new(seed, epoch, sample, site);
        match *step {
            // One window: what lies outside of it is black for whatever comes behind.
            Step::CropPadded { size, pad } if !self.cut && !self.erased => {
                let [top, left] = corner(self.size, size, pad, random(Site::Crop));
                let width = self.size[1] as isize;
                let left = if self.view.flip { width - left - size[1] as isize } else { left };
                (self.view.top, self.view.left) = (top as i32, left as i32);
                Some(Frame { size, cut: true, ..self })
            }
            Step::Flip { probability } => {
                if random(Site::Flip).uniform() < probability {
                    self.view.flip = !self.view.flip;
                    let [_, left, _, columns] = &mut self.view.hole;
                    *left = if *columns > 0 { self.size[1] as i32 - *left - *columns } else { 0 };
                }
                Some(self)
            }
            Step::Erase { probability, area, aspect } if !self.erased => {
                let hole = hole(self.size, probability, area, aspect, random(Site::Erase));
                self.view.hole = hole.map_or([0; 4], |hole| hole.map(|side| side as i32));
                Some(Frame { erased: true, ..self })
            }
            _ => None,
        }
    }
}
