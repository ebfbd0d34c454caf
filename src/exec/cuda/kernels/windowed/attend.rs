//! Every center gathers from the pixels of its window.

use super::super::Room;
use super::super::attend::{Attend, Operands};
use super::{Layout, Windowed};
use crate::exec::cuda::tape::{Pointer, Precision, Tape};

impl Windowed<Attend> {
    /// The grid's order and the map's.
    fn layouts(&self, precision: Precision) -> [Layout; 2] {
        let Attend { images, heads, width, .. } = self.kernel;
        [self.grid, self.map].map(|within| Layout {
            images: images / self.count(),
            windows: self.windows.0,
            within,
            channels: heads * width,
            word: precision.bytes(),
        })
    }

    /// Four grids and four maps, of which the forward pass takes two each, and the kernel's own.
    fn room(&self, precision: Precision, scratch: Pointer) -> (Room, [Pointer; 9]) {
        let mut room = Room::new(scratch);
        let [grid, map] = match self.whole() {
            true => [0, 0],
            false => self.layouts(precision).map(|layout| layout.bytes()),
        };
        let own = self.kernel.scratch();
        let parts = [grid, grid, grid, grid, map, map, map, map, own];
        let parts = parts.map(|bytes| room.take(bytes));
        (room, parts)
    }

    pub fn scratch(&self, precision: Precision) -> usize {
        self.room(precision, Pointer::NULL).0.used
    }

    /// `out [images, grid, heads, width]`, and `saved`, which `backward` reads: a number in `f32` of
    /// every center and head.
    pub fn forward(
        &self,
        tape: &mut Tape,
        operands: &Operands,
        [out, saved]: [Pointer; 2],
        scratch: Pointer,
    ) {
        if self.whole() {
            return self.kernel.forward(tape, operands, [out, saved]);
        }
        let [grid, map] = self.layouts(tape.precision);
        let (_, [centers, gathered, _, _, keys, values, ..]) = self.room(tape.precision, scratch);
        grid.part(tape, operands.centers, centers);
        map.part(tape, operands.keys, keys);
        map.part(tape, operands.values, values);
        let parted = Operands { centers, keys, values, temperature: operands.temperature };
        self.kernel.forward(tape, &parted, [gathered, saved]);
        grid.join(tape, gathered, out);
    }

    /// From `g`, the gradient of `out`, those of the operands.
    pub fn backward(
        &self,
        tape: &mut Tape,
        operands: &Operands,
        [out, saved, g]: [Pointer; 3],
        gradients: &Operands,
        scratch: Pointer,
    ) {
        let precision = tape.precision;
        let (_, [centers, result, slope, gcenters, keys, values, gkeys, gvalues, own]) =
            self.room(precision, scratch);
        if self.whole() {
            return self.kernel.backward(tape, operands, [out, saved, g], gradients, own);
        }
        let [grid, map] = self.layouts(precision);
        for (from, to) in [(operands.centers, centers), (out, result), (g, slope)] {
            grid.part(tape, from, to);
        }
        map.part(tape, operands.keys, keys);
        map.part(tape, operands.values, values);
        let parted = Operands { centers, keys, values, temperature: operands.temperature };
        let temperature = gradients.temperature;
        let to = Operands { centers: gcenters, keys: gkeys, values: gvalues, temperature };
        self.kernel.backward(tape, &parted, [result, saved, slope], &to, own);
        grid.join(tape, gcenters, gradients.centers);
        map.join(tape, gkeys, gradients.keys);
        map.join(tape, gvalues, gradients.values);
    }
}
