//! What one thread works with: an arena in the layout of the plan, scratch, and gradients of its own.

use crate::exec::Parameters;
use crate::exec::Profile;
use crate::exec::floats::Floats;
use crate::plan::Place;
use std::time::Duration;

#[derive(Default)]
pub struct Lane {
    arena: Floats,
    pub scratch: Floats,
    /// Of the group at hand; empty where nothing was trained.
    pub gradients: Parameters,
    /// Whether these are the last group's, and not added yet.
    pub last: bool,
    /// Cross entropy of every image of the group.
    pub losses: Vec<f32>,
    /// Where the time went, if that is asked.
    pub profile: Option<Profile>,
}

impl Lane {
    /// With gradients, which are zeros.
    pub fn with(gradients: Parameters) -> Lane {
        Lane { gradients, ..Lane::default() }
    }

    /// At least so many floats. Scratch is used most: it is in large pages if the arena is.
    pub fn reserve(&mut self, [arena, scratch]: [usize; 2]) {
        if self.arena.len() < arena {
            // Never both at once.
            self.arena = Floats::default();
            self.arena = Floats::zeros(arena);
        }
        if self.scratch.len() < scratch {
            self.scratch = Floats::default();
            let zeros = if self.arena.are_large() { Floats::large } else { Floats::zeros };
            self.scratch = zeros(scratch);
        }
    }

    /// Notes the time of what is no op, if that is asked.
    pub fn spent(&mut self, name: &str, time: Duration, bytes: u64) {
        if let Some(profile) = &mut self.profile {
            profile.add_other(name, 1, time, bytes);
        }
    }

    /// Bytes of all that is held.
    pub fn held(&self) -> u64 {
        let floats = self.arena.len() + self.scratch.len();
        4 * floats as u64 + self.gradients.bytes()
    }

    /// The arena for a group of `images`.
    pub fn arena(&mut self, images: usize) -> Arena {
        let (start, len) = (self.arena.as_mut_ptr(), self.arena.len());
        Arena { start, len, images, first: 0, count: images }
    }
}

/// The arena of a lane while a group runs.
///
/// A node reads the places of its inputs and writes those of its results. The plan holds places that
/// live at the same time apart, so that these slices never overlap, except where an op says that it
/// works in place; such an op takes one slice for both.
#[derive(Clone, Copy)]
pub struct Arena {
    start: *mut f32,
    len: usize,
    images: usize,
    /// Which of the images are at hand.
    first: usize,
    count: usize,
}

impl Arena {
    /// The same with only `count` images at hand.
    pub fn images(self, first: usize, count: usize) -> Arena {
        assert!(first + count <= self.images);
        Arena { first, count, ..self }
    }

    fn range(&self, place: Place) -> (usize, usize) {
        let offset = place.offset * self.images + place.len * self.first;
        let len = place.len * self.count;
        assert!(offset + len <= self.len, "{place:?} of {} images in {}", self.images, self.len);
        (offset, len)
    }

    /// # Safety
    /// Nothing writes this place while the slice is in use.
    pub unsafe fn read<'a>(&self, place: Place) -> &'a [f32] {
        let (offset, len) = self.range(place);
        // SAFETY: inside the arena; the caller holds the rest.
        unsafe { std::slice::from_raw_parts(self.start.add(offset), len) }
    }

    /// # Safety
    /// Nothing else reads or writes this place while the slice is in use.
    pub unsafe fn write<'a>(&self, place: Place) -> &'a mut [f32] {
        let (offset, len) = self.range(place);
        // SAFETY: inside the arena; the caller holds the rest.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(offset), len) }
    }
}
