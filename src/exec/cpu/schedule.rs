//! Groups of images over threads, their results taken in the order of the groups: so the bits do not
//! depend on how many threads there are.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Runs `work(group, lane)` for every group, the first ones on the lanes in their order, each other on
/// whichever lane is free, and then `finish(group, lane)` in the order of the groups, one at a time.
pub fn in_order<L: Send>(
    groups: usize,
    lanes: &mut [L],
    work: impl Fn(usize, &mut L) + Sync,
    finish: impl FnMut(usize, &mut L) + Send,
) {
    let next = AtomicUsize::new(lanes.len());
    let turn = Turn { of: Mutex::new((Some(0), finish)), passed: Condvar::new() };
    let run = |mut group: usize, lane: &mut L| {
        let _guard = Guard(&turn);
        while group < groups {
            work(group, lane);
            let mut of = turn.lock();
            while of.0.is_some_and(|at| at != group) {
                of = turn.passed.wait(of).unwrap_or_else(PoisonError::into_inner);
            }
            if of.0.is_none() {
                return;
            }
            (of.1)(group, lane);
            of.0 = Some(group + 1);
            turn.passed.notify_all();
            drop(of);
            group = next.fetch_add(1, Ordering::Relaxed);
        }
    };
    let mut lanes = (0..groups).zip(lanes);
    let Some((first, lane)) = lanes.next() else { return };
    std::thread::scope(|scope| {
        for (group, lane) in lanes {
            let run = &run;
            scope.spawn(move || run(group, lane));
        }
        run(first, lane);
    });
}

/// Whose turn it is to finish: nobody's, once a thread has panicked.
struct Turn<F> {
    of: Mutex<(Option<usize>, F)>,
    passed: Condvar,
}

impl<F> Turn<F> {
    fn lock(&self) -> MutexGuard<'_, (Option<usize>, F)> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets the others go when its thread panics: else they would wait for a turn that never comes, and
/// the panic for them.
struct Guard<'a, F>(&'a Turn<F>);

impl<F> Drop for Guard<'_, F> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().0 = None;
            self.0.passed.notify_all();
        }
    }
}

/// Runs `work` for every item, on `threads` threads; gives the time of all of them together.
pub fn each<T: Send>(items: Vec<T>, threads: usize, work: impl Fn(T) + Sync) -> Duration {
    let items = Mutex::new(items.into_iter());
    let spent = AtomicU64::new(0);
    let run = || {
        let start = Instant::now();
        loop {
            let item = items.lock().unwrap_or_else(PoisonError::into_inner).next();
            match item {
                Some(item) => work(item),
                None => break,
            }
        }
        spent.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(run);
        }
        run();
    });
    Duration::from_nanos(spent.into_inner())
}

#[cfg(test)]
mod tests {
    use super::in_order;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// A group that panics ends all: the others would wait for its turn, and it for them.
    #[test]
    fn a_panic_lets_nobody_wait() {
        let whole = catch_unwind(AssertUnwindSafe(|| {
            let work = |group, _: &mut ()| assert_ne!(group, 2, "meant to");
            in_order(9, &mut [(); 4], work, |_, _| ());
        }));
        assert!(whole.is_err());
    }
}
