//! Windows: a map and a grid of centers over it cut into the same number of rectangles; pixels and
//! centers meet within one of them only. Centers keep their places in the whole grid.

use super::Mismatch;
use crate::graph::{Size, area, times};

/// How many windows there are along rows and columns; `[1, 1]` is the whole map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows(pub Size);

impl Windows {
    pub const WHOLE: Windows = Windows([1, 1]);

    /// For the text form: nothing where there is one.
    pub fn attribute(self) -> Option<(&'static str, String)> {
        (self != Windows::WHOLE).then(|| ("windows", times(self.0)))
    }

    pub fn count(self) -> u64 {
        area(self.0)
    }

    /// The part of a map or grid in one window.
    pub fn of(self, size: Size) -> Size {
        [size[0] / self.0[0], size[1] / self.0[1]]
    }

    pub fn divide(self, size: Size) -> bool {
        (0..2).all(|axis| self.0[axis] > 0 && size[axis].is_multiple_of(self.0[axis]))
    }

    /// The window of a row and column of a map or grid of this size, row by row.
    pub fn at(self, size: Size, [row, column]: Size) -> usize {
        let [height, width] = self.of(size);
        row / height * self.0[1] + column / width
    }

    /// Both sides of the map and of the grid divide, or a mismatch of these inputs.
    pub(super) fn check(self, map: Size, grid: Size, inputs: &[usize]) -> Result<(), Mismatch> {
        match [map, grid].into_iter().find(|&size| !self.divide(size)) {
            None => Ok(()),
            Some(size) => {
                let message = format!("{} windows do not divide {}", times(self.0), times(size));
                Err(Mismatch::new(message, inputs))
            }
        }
    }
}
