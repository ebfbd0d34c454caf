//! How much memory is asked for at once: readers of foreign files must not believe their sizes. And
//! how much of it a thread holds.

use crate::guarded::{give_back, is_guarded, take};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, which remembers the largest request of a thread, what the thread holds, and
/// the most that it held.
struct Watched;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn note(size: usize) {
    // Nothing is noted while a thread ends.
    let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(size)));
    held(size as isize);
}

fn held(more: isize) {
    let _ = HELD.try_with(|held| {
        held.set(held.get() + more);
        MOST.try_with(|most| most.set(most.get().max(held.get())))
    });
}

// SAFETY: all is handed on to the system's allocator as it came, or lies where nothing else does.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        take(layout).unwrap_or_else(|| unsafe { System.alloc(layout) })
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        held(-(layout.size() as isize));
        if !give_back(at, layout) {
            unsafe { System.dealloc(at, layout) }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // Pages that nobody had are zeros.
        take(layout).unwrap_or_else(|| unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size);
        held(-(layout.size() as isize));
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        let to = match take(new) {
            None if !is_guarded(at) => return unsafe { System.realloc(at, layout, size) },
            None => unsafe { System.alloc(new) },
            Some(to) => to,
        };
        if !to.is_null() {
            unsafe { to.copy_from_nonoverlapping(at, layout.size().min(size)) };
            if !give_back(at, layout) {
                unsafe { System.dealloc(at, layout) }
            }
        }
        to
    }
}

#[global_allocator]
static WATCHED: Watched = Watched;

/// Does something that may ask for so many bytes at once and no more.
pub fn within<T>(most: usize, act: impl FnOnce() -> T) -> T {
    let before = LARGEST.replace(0);
    let result = act();
    let largest = LARGEST.replace(before);
    assert!(largest <= most, "{largest} bytes at once, of {most}");
    result
}

/// Does something, and tells by how many bytes what this thread holds grew at most meanwhile.
pub fn growth(act: impl FnOnce()) -> usize {
    let before = HELD.get();
    MOST.set(before);
    act();
    (MOST.get() - before) as usize
}

#[test]
fn what_is_held_is_seen() {
    let grown = growth(|| {
        drop(vec![0u8; 1 << 20]);
        drop(vec![0u8; 3 << 20]);
    });
    assert_eq!(grown, 3 << 20);
}

#[test]
fn what_is_asked_for_is_seen() {
    within(1 << 20, || vec![0u8; 1 << 20]);
    let seen = std::panic::catch_unwind(|| within(1 << 20, || vec![0u8; (1 << 20) + 1]));
    assert!(seen.is_err());
}
