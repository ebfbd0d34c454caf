//! Where the time of the reference goes: op by op forward, the backward pass as one.

use crate::exec::{Grouping, Profile};
use crate::graph::{Graph, Value};
use crate::passes::Keep;
use crate::plan::Plan;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Of all workers together.
pub struct Timing {
    /// Tells what an op reads and writes.
    plan: Plan,
    by: Grouping,
    profile: Mutex<Profile>,
}

impl Timing {
    pub fn new(graph: &Graph, by: Grouping) -> Timing {
        let plan = Plan::new(graph.clone(), Keep::Output);
        Timing { plan, by, profile: Mutex::new(Profile::new(by)) }
    }

    pub fn take(&mut self) -> Profile {
        self.profile.get_mut().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub fn add_other(&self, name: &str, time: Duration) {
        let mut profile = self.profile.lock().unwrap_or_else(PoisonError::into_inner);
        profile.add_other(name, 1, time, 0);
    }
}

/// One worker's clock, over some images; it stands still where no time is asked for.
pub struct Clock<'a> {
    timing: Option<(&'a Timing, Profile)>,
    images: usize,
    last: Instant,
}

impl<'a> Clock<'a> {
    pub fn of(timing: Option<&'a Timing>, images: usize) -> Clock<'a> {
        let timing = timing.map(|timing| (timing, Profile::new(timing.by)));
        Clock { timing, images, last: Instant::now() }
    }

    pub fn start(&mut self) {
        self.last = Instant::now();
    }

    /// A node ran since the last call.
    pub fn node(&mut self, index: usize) {
        let (time, images) = (self.last.elapsed(), self.images);
        if let Some((timing, profile)) = &mut self.timing {
            let value = Value(index as u32);
            profile.add(&timing.plan, value, images, size_of::<f32>(), 1, time);
        }
        self.start();
    }

    /// The same of what is no op.
    pub fn other(&mut self, name: &str) {
        let time = self.last.elapsed();
        if let Some((_, profile)) = &mut self.timing {
            profile.add_other(name, 1, time, 0);
        }
        self.start();
    }
}

impl Drop for Clock<'_> {
    fn drop(&mut self) {
        if let Some((timing, profile)) = self.timing.take() {
            timing.profile.lock().unwrap_or_else(PoisonError::into_inner).merge(profile);
        }
    }
}
