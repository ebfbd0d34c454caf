//! How much memory is asked for at once: readers of foreign files must not believe their sizes.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, which remembers the largest request of a thread.
struct Watched;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

fn note(size: usize) {
    // Nothing is noted while a thread ends.
    let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(size)));
}

// SAFETY: all is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size);
        unsafe { System.realloc(at, layout, size) }
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

#[test]
fn what_is_asked_for_is_seen() {
    within(1 << 20, || vec![0u8; 1 << 20]);
    let seen = std::panic::catch_unwind(|| within(1 << 20, || vec![0u8; (1 << 20) + 1]));
    assert!(seen.is_err());
}
