//! Memory of kernels.

use std::ops::{Deref, DerefMut};

/// Floats of a cache line, which is also the longest vector.
const LINE: usize = 16;

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
        let start = memory.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE - 1);
        Floats { memory, start, len }
    }
}

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
