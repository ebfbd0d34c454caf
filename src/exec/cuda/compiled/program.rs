//! A plan recorded for one size of batch: where its inputs go, and what plays it.

use super::Compiled;
use crate::exec::cuda::device::{Captured, Memory, Staging};
use crate::exec::cuda::kernels::update::WORDS;
use crate::exec::cuda::kernels::view;
use crate::exec::cuda::tape::{Pointer, Tape};
use crate::exec::cuda::walk::{End, Layout, Weights, sites, walk};
use crate::exec::{ExecError, Use, View};
use crate::graph::Size;
use std::ops::Range;

/// What a plan is recorded for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    Evaluation,
    Training(End),
}

impl Purpose {
    /// What held images are looked at for it.
    pub fn of(self) -> Use {
        match self {
            Purpose::Training(_) => Use::Training,
            Purpose::Evaluation => Use::Evaluation,
        }
    }
}

/// Images as bytes, and the numbers of their colors.
pub struct Stored {
    pub size: Size,
    pub count: usize,
    pub images: Memory,
    pub colors: Memory,
}

/// Some images: their numbers, or what is seen of images that lie on the device.
#[derive(Clone, Copy)]
pub enum Pixels<'a> {
    Numbers(&'a [f32]),
    Views(&'a [View]),
}

impl Pixels<'_> {
    /// Some of them, of so many numbers each.
    pub fn part(self, range: Range<usize>, size: usize) -> Self {
        match self {
            Pixels::Views(views) => Pixels::Views(&views[range]),
            Pixels::Numbers(numbers) => {
                Pixels::Numbers(&numbers[range.start * size..range.end * size])
            }
        }
    }

    /// How many images, of so many numbers each.
    pub fn images(self, size: usize) -> Result<usize, ExecError> {
        match self {
            Pixels::Views([]) => Err(ExecError("a batch without images".into())),
            Pixels::Views(views) => Ok(views.len()),
            Pixels::Numbers(numbers)
                if numbers.is_empty() || !numbers.len().is_multiple_of(size) =>
            {
                Err(ExecError(format!("{} numbers are not whole images", numbers.len())))
            }
            Pixels::Numbers(numbers) => Ok(numbers.len() / size),
        }
    }
}

/// A plan recorded for a batch.
pub struct Program {
    pub captured: Captured,
    pub layout: Layout,
    pub images: Staging,
    /// What makes the images out of those that lie here, where they do.
    pub views: Option<(Staging, Captured)>,
    pub labels: Staging,
    /// Labels and shares of the smaller parts, where images may be mixed.
    pub others: Option<[Staging; 2]>,
    pub factors: Staging,
    pub step: Staging,
}

impl Compiled {
    /// What becomes of gradients, and the weights that are read: in an evaluation the running mean.
    pub(super) fn ending(&self, purpose: Purpose) -> (End, Weights) {
        match purpose {
            Purpose::Training(end) => (end, self.weights.clone()),
            Purpose::Evaluation => (End::Stay, self.weights.averaged()),
        }
    }

    /// An arena of at least so many bytes. A larger one is another: what was recorded over the last is
    /// gone.
    fn arena(&mut self, bytes: usize) -> Result<Pointer, ExecError> {
        if self.arena.as_ref().is_none_or(|arena| arena.bytes() < bytes) {
            self.programs.clear();
            self.arena = None;
            self.arena = Some(self.device.memory(bytes)?);
        }
        Ok(self.arena.as_ref().map_or(Pointer::NULL, Memory::at))
    }

    /// Records a plan for a batch.
    pub(super) fn program(
        &mut self,
        purpose: Purpose,
        images: usize,
    ) -> Result<Program, ExecError> {
        let (end, weights) = &self.ending(purpose);
        let (end, precision) = (*end, self.precision);
        let plan = self.plan(purpose)?;
        let (size, _) = walk(plan, images, precision, weights, Pointer::NULL, end);
        let at = self.arena(size.bytes)?;
        let plan = self.plan(purpose)?;
        let (layout, tape) = walk(plan, images, precision, weights, at, end);
        // SAFETY: the tape was walked over the weights and the arena, which live as long as the
        // program; what their products leave before the first step is overwritten by it.
        let captured = unsafe { self.device.record(&tape, 1) }?;
        let [h, w] = plan.graph.input_size();
        let way = |at, bytes: usize| self.device.way(at, bytes);
        let views = match self.held.get(&purpose.of()) {
            Some(held) => {
                let kernel = view::View { stored: held.size, shown: [h, w], images };
                let mut tape = Tape::new(precision);
                let from = [held.images.at(), layout.views, held.colors.at()];
                kernel.forward(&mut tape, from, layout.images);
                let sent = way(layout.views, 4 * View::WORDS * images)?;
                // SAFETY: the tape is over the arena and what is held, which outlives the program.
                Some((sent, unsafe { self.device.record(&tape, 1) }?))
            }
            None => None,
        };
        Ok(Program {
            captured,
            views,
            images: way(layout.images, 4 * images * h * w * 3)?,
            labels: way(layout.targets.labels, 4 * images)?,
            others: match layout.targets.others {
                Pointer::NULL => None,
                others => Some([way(others, 4 * images)?, way(layout.targets.shares, 4 * images)?]),
            },
            factors: way(layout.factors, 4 * images * sites(plan).len())?,
            step: way(layout.step, 4 * WORDS)?,
            layout,
        })
    }
}
