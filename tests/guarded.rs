//! Memory whose numbers end where a page begins that nobody may touch: who reads or writes beyond them ends
//! the test. Kernels index without checks; here they are seen.

#[cfg(unix)]
mod pages {
    use std::alloc::Layout;
    use std::cell::Cell;
    use std::sync::atomic::{AtomicUsize, Ordering};

    thread_local! {
        static GUARDED: Cell<bool> = const { Cell::new(false) };
    }

    /// Addresses to give out, each once: what is given back is never touched again either.
    const REGION: usize = 1 << 40;
    const PAGE: usize = 1 << 16;

    /// Where the region begins; one of that cannot be had.
    static START: AtomicUsize = AtomicUsize::new(0);
    static TAKEN: AtomicUsize = AtomicUsize::new(0);
    const NONE: usize = 1;

    /// Lets all numbers that a thread asks for meanwhile lie before such a page.
    pub fn guarded<T>(act: impl FnOnce() -> T) -> T {
        struct Before(bool);
        impl Drop for Before {
            fn drop(&mut self) {
                GUARDED.set(self.0);
            }
        }
        let _before = Before(GUARDED.replace(true));
        act()
    }

    fn start() -> usize {
        match START.load(Ordering::Acquire) {
            0 => {
                let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
                // SAFETY: addresses that nothing has.
                let at = unsafe {
                    libc::mmap(std::ptr::null_mut(), REGION, libc::PROT_NONE, flags, -1, 0)
                };
                let at = if at == libc::MAP_FAILED { NONE } else { at as usize };
                // Another thread may have been here: whoever was first.
                let first = START.compare_exchange(0, at, Ordering::AcqRel, Ordering::Acquire);
                first.err().unwrap_or(at)
            }
            at => at,
        }
    }

    /// Memory before a page that nobody may touch, if it is for numbers of four bytes and asked for.
    pub fn take(layout: Layout) -> Option<*mut u8> {
        let asked = GUARDED.try_with(Cell::get).unwrap_or(false);
        if !asked || layout.align() != 4 || layout.size() == 0 {
            return None;
        }
        let start = start();
        let length = layout.size().next_multiple_of(PAGE);
        let offset = TAKEN.fetch_add(length + PAGE, Ordering::Relaxed);
        if start == NONE || offset + length + PAGE > REGION {
            return None;
        }
        let at = start + offset;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a piece of the region that nobody else has.
        let failed = unsafe { libc::mprotect(at as *mut _, length, access) } != 0;
        (!failed).then(|| (at + length - layout.size()) as *mut u8)
    }

    /// Whether it is such memory.
    pub fn is_guarded(at: *mut u8) -> bool {
        let start = START.load(Ordering::Acquire);
        start > NONE && (start..start + REGION).contains(&(at as usize))
    }

    /// Takes it back, if it is such memory.
    pub fn give_back(at: *mut u8, layout: Layout) -> bool {
        if !is_guarded(at) {
            return false;
        }
        let length = layout.size().next_multiple_of(PAGE);
        let page = at as usize + layout.size() - length;
        // SAFETY: the piece as it was taken; its owner is done with it.
        unsafe {
            libc::madvise(page as *mut _, length, libc::MADV_DONTNEED);
            libc::mprotect(page as *mut _, length, libc::PROT_NONE);
        }
        true
    }
}

#[cfg(not(unix))]
mod pages {
    use std::alloc::Layout;

    pub fn guarded<T>(act: impl FnOnce() -> T) -> T {
        act()
    }

    pub fn take(_: Layout) -> Option<*mut u8> {
        None
    }

    pub fn is_guarded(_: *mut u8) -> bool {
        false
    }

    pub fn give_back(_: *mut u8, _: Layout) -> bool {
        false
    }
}

pub use pages::{give_back, guarded, is_guarded, take};

/// Reads a number beyond its memory: run by the test below, in a process of its own.
#[cfg(unix)]
#[test]
#[ignore = "ends its process"]
fn a_number_beyond() {
    let numbers = guarded(|| vec![1f32; 7]);
    // SAFETY: none, that is the point.
    let beyond = unsafe { std::ptr::read_volatile(numbers.as_ptr().add(std::hint::black_box(7))) };
    println!("read {beyond}");
}

#[cfg(unix)]
#[test]
fn who_reads_beyond_is_seen() {
    use std::os::unix::process::ExitStatusExt;
    let program = std::env::current_exe().unwrap();
    let arguments = ["--exact", "guarded::a_number_beyond", "--ignored", "--nocapture"];
    let output = std::process::Command::new(program).args(arguments).output().unwrap();
    let signal = output.status.signal();
    assert!([Some(libc::SIGSEGV), Some(libc::SIGBUS)].contains(&signal), "{output:?}");
    // Memory that grows is guarded where it ends up, and holds what it held.
    let grown = guarded(|| {
        (0..100_000).fold(Vec::new(), |mut all, i| {
            all.push(i as f32);
            all
        })
    });
    assert!(grown.iter().enumerate().all(|(i, &x)| x == i as f32));
}
