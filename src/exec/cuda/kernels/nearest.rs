//! Every pixel's most similar center, among all of the map: products and a running argmax by tiles.

use super::maps::Maps;
use super::{Room, THREADS, blocks};
use crate::exec::cuda::tape::{Pointer, Source, Tape, Unit, args, source};
use crate::graph::Size;

pub static SOURCE: Source = source!("nearest");

/// Pixels of a block.
const TILE: usize = 64;

#[derive(Debug, Clone, Copy)]
pub struct Nearest {
    pub maps: Maps,
    pub grid: Size,
}

impl Nearest {
    fn room(&self, scratch: Pointer) -> (Room, Pointer) {
        let mut room = Room::new(scratch);
        let centers = room.floats(self.numbers());
        (room, centers)
    }

    /// Of all centers.
    fn numbers(&self) -> usize {
        self.maps.images * self.grid[0] * self.grid[1] * self.maps.channels
    }

    pub fn scratch(&self) -> usize {
        self.room(Pointer::NULL).0.used
    }

    /// `index [images, rows, columns]`, `u32`.
    pub fn forward(&self, tape: &mut Tape, x: Pointer, index: Pointer, scratch: Pointer) {
        let (_, centers) = self.room(scratch);
        let ([h, w], [gh, gw]) = (self.maps.size, self.grid);
        let c = self.maps.channels;
        let constants =
            [("THREADS", THREADS), ("H", h), ("W", w), ("C", c), ("GH", gh), ("GW", gw)];
        let unit = Unit::new(&SOURCE, &constants);
        let args = args![x, centers, self.maps.images];
        tape.launch(unit.clone(), "nearest_centers", [blocks(self.numbers()), 1], THREADS, args);
        let grid = [self.maps.images, (h * w).div_ceil(TILE)];
        tape.launch(unit, "nearest", grid, 256, args![x, centers, index]);
    }
}
