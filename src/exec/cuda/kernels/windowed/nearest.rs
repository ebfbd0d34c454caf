//! Every pixel's most similar center, among those of its window.

use super::super::Room;
use super::super::nearest::Nearest;
use super::{Centers, Layout, Windowed};
use crate::exec::cuda::tape::{Pointer, Precision, Tape};

impl Windowed<Nearest> {
    fn map(&self, channels: usize, word: usize) -> Layout {
        let images = self.kernel.maps.images / self.count();
        Layout { images, windows: self.windows.0, within: self.map, channels, word }
    }

    fn room(&self, precision: Precision, scratch: Pointer) -> (Room, [Pointer; 3]) {
        let mut room = Room::new(scratch);
        let parts = match self.whole() {
            true => [0, 0],
            false => [
                self.map(self.kernel.maps.channels, precision.bytes()).bytes(),
                self.map(1, 4).bytes(),
            ],
        };
        let [x, index] = parts.map(|bytes| room.take(bytes));
        let own = room.take(self.kernel.scratch());
        (room, [x, index, own])
    }

    pub fn scratch(&self, precision: Precision) -> usize {
        self.room(precision, Pointer::NULL).0.used
    }

    /// `index [images, rows, columns]`, `u32`.
    pub fn forward(&self, tape: &mut Tape, x: Pointer, index: Pointer, scratch: Pointer) {
        let precision = tape.precision;
        let (_, [parted, chosen, own]) = self.room(precision, scratch);
        if self.whole() {
            return self.kernel.forward(tape, x, index, own);
        }
        self.map(self.kernel.maps.channels, precision.bytes()).part(tape, x, parted);
        self.kernel.forward(tape, parted, chosen, own);
        let map = self.map(1, 4);
        let centers = Centers {
            images: map.images,
            windows: self.windows.0,
            grid: self.grid,
            pixels: self.map[0] * self.map[1],
            heads: 1,
        };
        centers.index(tape, "centers_join", chosen);
        map.join(tape, chosen, index);
    }
}
