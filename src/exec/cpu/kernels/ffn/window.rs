//! A map of which only some rows exist at a time, or all of them if it is kept.

/// Rows of a map, in memory for a few of them: it moves down the map, and what two of its places have
/// in common is kept.
pub struct Window<'a> {
    memory: &'a mut [f32],
    /// Whether there is memory for all rows, and none is forgotten.
    whole: bool,
    /// Floats of a row.
    row: usize,
    /// Rows that are there.
    first: usize,
    end: usize,
}

impl<'a> Window<'a> {
    /// Above the map.
    pub fn new(memory: &'a mut [f32], row: usize) -> Window<'a> {
        Window { memory, whole: false, row, first: 0, end: 0 }
    }

    /// Likewise, over a whole map.
    pub fn whole(memory: &'a mut [f32], row: usize) -> Window<'a> {
        Window { whole: true, ..Window::new(memory, row) }
    }

    /// The row that it begins with.
    pub fn first(&self) -> usize {
        self.first
    }

    /// The row behind the last one.
    pub fn end(&self) -> usize {
        self.end
    }

    /// Forgets the rows before `first`.
    pub fn forget(&mut self, first: usize) {
        debug_assert!((self.first..=self.end).contains(&first));
        if first > self.first && !self.whole {
            let kept = (first - self.first) * self.row..(self.end - self.first) * self.row;
            self.memory.copy_within(kept, 0);
            self.first = first;
        }
    }

    /// The rows from the last one to before `end`, to be written.
    pub fn extend(&mut self, end: usize) -> &mut [f32] {
        let written = (self.end - self.first) * self.row..(end - self.first) * self.row;
        self.end = end;
        &mut self.memory[written]
    }

    /// All rows that are there.
    pub fn rows(&self) -> &[f32] {
        &self.memory[..(self.end - self.first) * self.row]
    }
}
