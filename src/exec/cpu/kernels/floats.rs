//! Memory of kernels.

use std::ops::{Deref, DerefMut};

/// Floats of a cache line, which is also the longest vector.
const LINE: usize = 16;

/// Bytes of a huge page.
#[cfg(target_os = "linux")]
const HUGE: usize = 2 << 20;

/// Zeros to begin with, starting where a cache line does: vectors that straddle lines cost a tenth to
/// a fifth of a kernel's speed.
#[derive(Debug, Default)]
pub struct Floats {
    memory: Vec<f32>,
    start: usize,
    len: usize,
}

impl Floats {
    /// Zeros that nothing has touched yet cost nothing.
    pub fn zeros(len: usize) -> Floats {
        if len == 0 {
            return Floats::default();
        }
        let memory = vec![0.0; len + LINE - 1];
        ask_for_huge_pages(&memory);
        let start = memory.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE - 1);
        Floats { memory, start, len }
    }
}

/// Asks for pages of 2 MiB where much memory is needed: of the usual ones the core could not remember
/// where all lie, and looks up again and again. A wish: where it is not granted, nothing changes. Not
/// for less, as the system may first have to move other memory out of the way.
#[cfg(target_os = "linux")]
fn ask_for_huge_pages(memory: &[f32]) {
    const USUAL: usize = 4096;
    let bytes = size_of_val(memory);
    if bytes < 8 * HUGE {
        return;
    }
    let before = memory.as_ptr().align_offset(USUAL) * size_of::<f32>();
    let start = memory.as_ptr().cast::<u8>().wrapping_add(before);
    // SAFETY: the range lies within the memory, and its contents stay as they are.
    unsafe { libc::madvise(start.cast_mut().cast(), bytes - before, libc::MADV_HUGEPAGE) };
}

#[cfg(not(target_os = "linux"))]
fn ask_for_huge_pages(_: &[f32]) {}

impl Deref for Floats {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.memory[self.start..][..self.len]
    }
}

impl DerefMut for Floats {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.memory[self.start..][..self.len]
    }
}
