//! Groups of images over threads, their results taken in the order of the groups: so the bits do not
//! depend on how many threads there are.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

/// Runs `work(group, lane)` for every group, each on whichever lane is free, and then
/// `finish(group, lane)` in the order of the groups, one at a time.
pub fn in_order<L: Send>(
    groups: usize,
    lanes: &mut [L],
    work: impl Fn(usize, &mut L) + Sync,
    finish: impl FnMut(usize, &mut L) + Send,
) {
    let next = AtomicUsize::new(0);
    let turn = Mutex::new((0, finish));
    let passed = Condvar::new();
    let run = |lane: &mut L| {
        loop {
            let group = next.fetch_add(1, Ordering::Relaxed);
            if group >= groups {
                return;
            }
            work(group, lane);
            // A panic elsewhere ends the scope with it; what it left is not used.
            let mut turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            while turn.0 != group {
                turn = passed.wait(turn).unwrap_or_else(PoisonError::into_inner);
            }
            (turn.1)(group, lane);
            turn.0 += 1;
            passed.notify_all();
        }
    };
    let Some((first, others)) = lanes.split_first_mut() else { return };
    std::thread::scope(|scope| {
        for lane in others.iter_mut().take(groups.saturating_sub(1)) {
            scope.spawn(|| run(lane));
        }
        run(first);
    });
}

/// Runs `work` for every item, on `threads` threads.
pub fn each<T: Send>(items: Vec<T>, threads: usize, work: impl Fn(T) + Sync) {
    let items = Mutex::new(items.into_iter());
    let run = || {
        loop {
            let item = items.lock().unwrap_or_else(PoisonError::into_inner).next();
            match item {
                Some(item) => work(item),
                None => return,
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(run);
        }
        run();
    });
}
