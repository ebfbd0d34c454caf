//! Kernels that compare pixels with centers, within windows: a map and its grid are laid out window
//! after window, and the kernel takes every window for an image of its own.

mod assign;
mod attend;
mod nearest;

use crate::graph::{Size, ops};

/// A kernel of one window, and how many there are; one window costs nothing.
#[derive(Debug, Clone, Copy)]
pub struct Windowed<K> {
    pub kernel: K,
    pub windows: ops::Windows,
}

impl<K> Windowed<K> {
    fn count(&self) -> usize {
        self.windows.0[0] * self.windows.0[1]
    }

    fn whole(&self) -> bool {
        self.windows == ops::Windows::WHOLE
    }

    /// The layout of a map or grid, given its size in one window.
    fn layout(&self, within: Size) -> Layout {
        Layout { windows: self.windows.0, within }
    }
}

/// The pixels of one image, window after window.
#[derive(Debug, Clone, Copy)]
struct Layout {
    windows: Size,
    /// Rows and columns of a window.
    within: Size,
}

impl Layout {
    fn pixels(&self) -> usize {
        [self.windows, self.within].iter().flatten().product()
    }

    /// Runs of pixels that are neighbors in both orders: where one starts in the map, where among
    /// the windows; all are as long as a window is wide.
    fn runs(self) -> impl Iterator<Item = (usize, usize)> {
        let ([down, across], [height, width]) = (self.windows, self.within);
        (0..down * across * height).map(move |run| {
            let (window, row) = (run / height, run % height);
            let row = window / across * height + row;
            ((row * across + window % across) * width, run * width)
        })
    }

    /// Rows of `of` numbers from a map's order into that of windows.
    fn part<T: Copy>(self, of: usize, map: &[T], parted: &mut [T]) {
        let length = self.within[1] * of;
        for (from, to) in self.runs() {
            parted[to * of..][..length].copy_from_slice(&map[from * of..][..length]);
        }
    }

    /// The way back.
    fn join<T: Copy>(self, of: usize, parted: &[T], map: &mut [T]) {
        let length = self.within[1] * of;
        for (to, from) in self.runs() {
            map[to * of..][..length].copy_from_slice(&parted[from * of..][..length]);
        }
    }

    /// Where every pixel of the windows stands in the map: the order of windows, and what all else
    /// that is said of it follows from.
    fn places(self) -> Vec<u32> {
        let width = self.within[1];
        self.runs().flat_map(|(map, _)| (map..map + width).map(|place| place as u32)).collect()
    }
}

/// The centers of a grid, as they are counted in their windows and in the whole.
struct Numbers {
    /// In the whole, window after window.
    places: Vec<u32>,
    of_window: usize,
}

impl Numbers {
    fn new(grid: Layout) -> Numbers {
        let of_window = grid.within[0] * grid.within[1];
        Numbers { places: grid.places(), of_window }
    }

    /// Of the centers that every window's pixels chose within it, those of the whole grid.
    fn count_in_whole(&self, chosen: &mut [u32]) {
        let windows = self.places.chunks_exact(self.of_window);
        let of_window = chosen.len() / windows.len();
        for (chosen, places) in chosen.chunks_exact_mut(of_window).zip(windows) {
            chosen.iter_mut().for_each(|center| *center = places[*center as usize]);
        }
    }

    /// Which center of its window every center of the whole grid is.
    fn within(&self) -> Vec<u32> {
        let mut within = vec![0; self.places.len()];
        for (i, &place) in self.places.iter().enumerate() {
            within[place as usize] = (i % self.of_window) as u32;
        }
        within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_by_three_windows_of_two_by_two() {
        let layout = Layout { windows: [2, 3], within: [2, 2] };
        let places = layout.places();
        assert_eq!(places[..8], [0, 1, 6, 7, 2, 3, 8, 9]);
        let map: Vec<u32> = (0..24).collect();
        let (mut parted, mut back) = ([0; 24], [0; 24]);
        layout.part(1, &map, &mut parted);
        assert_eq!(parted[..], places[..]);
        layout.join(1, &parted, &mut back);
        assert_eq!(back[..], map[..]);
        // Every window's pixels chose all of its centers: those are counted as they stand, and back.
        let numbers = Numbers::new(layout);
        let mut chosen = [0, 1, 2, 3].repeat(6);
        numbers.count_in_whole(&mut chosen);
        assert_eq!(chosen, places);
        let within = numbers.within();
        chosen.iter_mut().for_each(|center| *center = within[*center as usize]);
        assert_eq!(chosen, [0, 1, 2, 3].repeat(6));
    }
}
