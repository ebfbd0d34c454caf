//! Memory that kernels work on.

use memmap2::MmapMut;
use std::ops::{Deref, DerefMut};

/// Floats of a cache line, which is also the longest vector.
pub const LINE: usize = 16;

/// Bytes from which on memory comes from the system page by page, large pages if it has them. Not for
/// less, as the system may first have to move other memory out of the way.
const LARGE: usize = 8 << 20;

/// So many floats, in whole cache lines.
pub fn whole_lines(floats: usize) -> usize {
    floats.next_multiple_of(LINE)
}

/// Zeros to begin with, starting where a cache line does: vectors that straddle lines cost a tenth to
/// a fifth of a kernel's speed. Zeros that nothing has touched yet take no memory.
#[derive(Debug, Default)]
pub struct Floats(Memory);

#[derive(Debug)]
enum Memory {
    /// Of the usual allocator, from `start` on.
    Usual {
        memory: Vec<f32>,
        start: usize,
        len: usize,
    },
    Pages(MmapMut),
}

impl Floats {
    pub fn zeros(len: usize) -> Floats {
        if len * size_of::<f32>() >= LARGE { Floats::large(len) } else { Floats(usual(len)) }
    }

    /// The same in large pages, however few they are.
    pub fn large(len: usize) -> Floats {
        Floats(pages(len).unwrap_or_else(|| usual(len)))
    }

    /// Whether they are in large pages, if the system has them.
    pub fn are_large(&self) -> bool {
        matches!(self.0, Memory::Pages(_))
    }
}

fn usual(len: usize) -> Memory {
    if len == 0 {
        return Memory::default();
    }
    let memory = vec![0.0; len + LINE - 1];
    let start = memory.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE - 1);
    Memory::Usual { memory, start, len }
}

/// Asks for pages of 2 MiB: of the usual ones the core could not remember where all lie, and looks up
/// again and again. A wish: where it is not granted, nothing changes.
fn pages(len: usize) -> Option<Memory> {
    let map = MmapMut::map_anon(len * size_of::<f32>()).ok()?;
    #[cfg(target_os = "linux")]
    let _ = map.advise(memmap2::Advice::HugePage);
    Some(Memory::Pages(map))
}

impl Default for Memory {
    fn default() -> Memory {
        Memory::Usual { memory: Vec::new(), start: 0, len: 0 }
    }
}

impl Clone for Floats {
    fn clone(&self) -> Floats {
        let mut floats = Floats::zeros(self.len());
        floats.copy_from_slice(self);
        floats
    }
}

impl Deref for Floats {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &self.0 {
            Memory::Usual { memory, start, len } => &memory[*start..][..*len],
            Memory::Pages(map) => bytemuck::cast_slice(map),
        }
    }
}

impl DerefMut for Floats {
    fn deref_mut(&mut self) -> &mut [f32] {
        match &mut self.0 {
            Memory::Usual { memory, start, len } => &mut memory[*start..][..*len],
            Memory::Pages(map) => bytemuck::cast_slice_mut(map),
        }
    }
}
