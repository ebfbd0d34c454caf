//! Kernels that compare pixels with centers, within windows: maps and grids are laid out window
//! after window, and the kernel takes every window for an image of its own.

mod assign;
mod attend;
mod nearest;

use super::{THREADS, blocks};
use crate::exec::cuda::tape::{Pointer, Source, Tape, Unit, args, source};
use crate::graph::{Size, ops};

pub static SOURCE: Source = source!("windowed");
pub static CENTERS: Source = source!("centers");

/// A kernel whose images are windows; one window an image costs nothing.
#[derive(Debug, Clone, Copy)]
pub struct Windowed<K> {
    pub kernel: K,
    pub windows: ops::Windows,
    /// Of a window.
    pub map: Size,
    pub grid: Size,
}

impl<K> Windowed<K> {
    fn whole(&self) -> bool {
        self.windows == ops::Windows::WHOLE
    }

    fn count(&self) -> usize {
        self.windows.0[0] * self.windows.0[1]
    }
}

/// Pixels of a map or grid, `channels` words of `word` bytes each.
#[derive(Debug, Clone, Copy)]
struct Layout {
    images: usize,
    windows: Size,
    within: Size,
    channels: usize,
    word: usize,
}

impl Layout {
    fn pixels(&self) -> usize {
        self.images * [self.windows, self.within].iter().flatten().product::<usize>()
    }

    fn bytes(&self) -> usize {
        self.pixels() * self.channels * self.word
    }

    fn run(&self, tape: &mut Tape, entry: &'static str, from: Pointer, to: Pointer) {
        let Layout { windows: [down, across], within: [h, w], channels, word, images } = *self;
        let constants = [
            ("THREADS", THREADS),
            ("DOWN", down),
            ("ACROSS", across),
            ("H", h),
            ("W", w),
            ("C", channels),
            ("WORD", word),
        ];
        let grid = [blocks(self.pixels() * channels), 1];
        tape.launch(Unit::new(&SOURCE, &constants), entry, grid, THREADS, args![from, to, images]);
    }

    /// From a map's order into that of windows.
    fn part(&self, tape: &mut Tape, map: Pointer, parted: Pointer) {
        self.run(tape, "window_part", map, parted);
    }

    /// The way back.
    fn join(&self, tape: &mut Tape, parted: Pointer, map: Pointer) {
        self.run(tape, "window_join", parted, map);
    }
}

/// Choices of pixels, in the order of windows: their centers counted within a window or in the whole.
#[derive(Debug, Clone, Copy)]
struct Centers {
    images: usize,
    windows: Size,
    /// Of a window.
    grid: Size,
    pixels: usize,
    heads: usize,
}

impl Centers {
    fn choices(&self) -> usize {
        self.images * self.windows[0] * self.windows[1] * self.pixels * self.heads
    }

    fn unit(&self) -> Unit {
        let ([down, across], [gh, gw]) = (self.windows, self.grid);
        let constants = [
            ("THREADS", THREADS),
            ("DOWN", down),
            ("ACROSS", across),
            ("GH", gh),
            ("GW", gw),
            ("N", self.pixels),
            ("HEADS", self.heads),
        ];
        Unit::new(&CENTERS, &constants)
    }

    /// Indices in place, from within to whole or back.
    fn index(&self, tape: &mut Tape, entry: &'static str, index: Pointer) {
        let args = args![index, self.choices() as u64];
        tape.launch(self.unit(), entry, [blocks(self.choices()), 1], THREADS, args);
    }

    /// Numbers of soft weights within windows, and of all.
    fn weights(&self) -> [usize; 2] {
        let within = self.choices() * self.grid[0] * self.grid[1];
        [within, within * self.windows[0] * self.windows[1]]
    }

    fn join_weights(&self, tape: &mut Tape, within: Pointer, all: Pointer) {
        let args = args![within, all, self.choices() as u64];
        tape.launch(self.unit(), "weights_join", [blocks(self.weights()[1]), 1], THREADS, args);
    }

    fn part_weights(&self, tape: &mut Tape, all: Pointer, within: Pointer) {
        let args = args![all, within, self.choices() as u64];
        tape.launch(self.unit(), "weights_part", [blocks(self.weights()[0]), 1], THREADS, args);
    }
}
