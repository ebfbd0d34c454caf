//! Every pixel finds its center among those of its window. Indices count centers in the whole grid;
//! a soft assignment has nothing of the centers of other windows.

use super::super::Room;
use super::super::assign::{Assign, Operands};
use super::{Centers, Layout, Windowed};
use crate::exec::cuda::tape::{Pointer, Precision, Tape};

/// Working memory: everything in the order of windows.
struct Parted {
    queries: Pointer,
    keys: Pointer,
    gqueries: Pointer,
    gkeys: Pointer,
    index: Pointer,
    value: Pointer,
    /// The gradient of the values, or soft weights within their windows.
    slope: Pointer,
    /// Soft weights of all centers.
    all: Pointer,
    own: Pointer,
}

impl Windowed<Assign> {
    fn layout(&self, within: [usize; 2], channels: usize, word: usize) -> Layout {
        let images = self.kernel.images / self.count();
        Layout { images, windows: self.windows.0, within, channels, word }
    }

    fn centers(&self) -> Centers {
        Centers {
            images: self.kernel.images / self.count(),
            windows: self.windows.0,
            grid: self.grid,
            pixels: self.kernel.pixels,
            heads: self.kernel.heads,
        }
    }

    /// Maps of queries and keys.
    fn layouts(&self, precision: Precision) -> [Layout; 2] {
        let channels = self.kernel.heads * self.kernel.width;
        [self.grid, self.map].map(|within| self.layout(within, channels, precision.bytes()))
    }

    /// Pixels with all soft weights.
    fn weights(&self, precision: Precision) -> Layout {
        let numbers = self.kernel.heads * self.kernel.centers * self.count();
        self.layout(self.map, numbers, precision.bytes())
    }

    fn room(&self, soft: bool, precision: Precision, scratch: Pointer) -> (Room, Parted) {
        let mut room = Room::new(scratch);
        let mut parts = [0; 8];
        if !self.whole() {
            let [queries, keys] = self.layouts(precision).map(|layout| layout.bytes());
            let [within, all] = self.centers().weights().map(|n| n * precision.bytes());
            let choices = self.centers().choices();
            let (chosen, slopes) = (4 * choices, choices * precision.bytes());
            parts = match soft {
                true => [queries, keys, queries, keys, 0, 0, within, all],
                false => [queries, keys, queries, keys, chosen, chosen, slopes, 0],
            };
        }
        let [queries, keys, gqueries, gkeys, index, value, slope, all] =
            parts.map(|bytes| room.take(bytes));
        let own = room.take(self.kernel.scratch(soft));
        let parted = Parted { queries, keys, gqueries, gkeys, index, value, slope, all, own };
        (room, parted)
    }

    pub fn scratch(&self, soft: bool, precision: Precision) -> usize {
        self.room(soft, precision, Pointer::NULL).0.used
    }

    /// The operands, window after window.
    fn part(&self, tape: &mut Tape, o: &Operands, p: &Parted) -> Operands {
        let [grid, map] = self.layouts(tape.precision);
        grid.part(tape, o.queries, p.queries);
        map.part(tape, o.keys, p.keys);
        Operands { queries: p.queries, keys: p.keys, ..*o }
    }

    /// Their gradients, back in order.
    fn join(&self, tape: &mut Tape, p: &Parted, to: &Operands) {
        let [grid, map] = self.layouts(tape.precision);
        grid.join(tape, p.gqueries, to.queries);
        map.join(tape, p.gkeys, to.keys);
    }

    /// `index` (`u32`) and `value` (`f32`), `[images, pixels, heads]`.
    pub fn hard(
        &self,
        tape: &mut Tape,
        o: &Operands,
        [index, value]: [Pointer; 2],
        scratch: Pointer,
    ) {
        if self.whole() {
            return self.kernel.hard(tape, o, index, value);
        }
        let (_, p) = self.room(false, tape.precision, scratch);
        let parted = self.part(tape, o, &p);
        self.kernel.hard(tape, &parted, p.index, p.value);
        self.centers().index(tape, "centers_join", p.index);
        let choices = self.layout(self.map, self.kernel.heads, 4);
        choices.join(tape, p.index, index);
        choices.join(tape, p.value, value);
    }

    /// From `g`, the gradient of the values, those of the operands.
    pub fn hard_backward(
        &self,
        tape: &mut Tape,
        o: &Operands,
        [index, value, g]: [Pointer; 3],
        to: &Operands,
        scratch: Pointer,
    ) {
        let precision = tape.precision;
        let (_, p) = self.room(false, precision, scratch);
        if self.whole() {
            return self.kernel.hard_backward(tape, o, [index, value, g], to, p.own);
        }
        let parted = self.part(tape, o, &p);
        let choices = self.layout(self.map, self.kernel.heads, 4);
        choices.part(tape, index, p.index);
        choices.part(tape, value, p.value);
        self.layout(self.map, self.kernel.heads, precision.bytes()).part(tape, g, p.slope);
        self.centers().index(tape, "centers_part", p.index);
        let gradients = Operands { queries: p.gqueries, keys: p.gkeys, ..*to };
        let read = [p.index, p.value, p.slope];
        self.kernel.hard_backward(tape, &parted, read, &gradients, p.own);
        self.join(tape, &p, to);
    }

    /// `weights [images, pixels, heads, centers]`.
    pub fn soft(&self, tape: &mut Tape, o: &Operands, weights: Pointer, scratch: Pointer) {
        if self.whole() {
            return self.kernel.soft(tape, o, weights);
        }
        let (_, p) = self.room(true, tape.precision, scratch);
        let parted = self.part(tape, o, &p);
        self.kernel.soft(tape, &parted, p.slope);
        self.centers().join_weights(tape, p.slope, p.all);
        self.weights(tape.precision).join(tape, p.all, weights);
    }

    /// From `g`, the gradient of the weights, those of the operands.
    pub fn soft_backward(
        &self,
        tape: &mut Tape,
        o: &Operands,
        g: Pointer,
        to: &Operands,
        scratch: Pointer,
    ) {
        let (_, p) = self.room(true, tape.precision, scratch);
        if self.whole() {
            return self.kernel.soft_backward(tape, o, g, to, p.own);
        }
        let parted = self.part(tape, o, &p);
        self.weights(tape.precision).part(tape, g, p.all);
        self.centers().part_weights(tape, p.all, p.slope);
        let gradients = Operands { queries: p.gqueries, keys: p.gkeys, ..*to };
        self.kernel.soft_backward(tape, &parted, p.slope, &gradients, p.own);
        self.join(tape, &p, to);
    }
}
