//! Group norm with one group: the statistics are those of an image's whole map.

use super::maps::Maps;
use super::reduce::{Sum, fold};
use super::{Room, THREADS, blocks};
use crate::exec::cuda::tape::{Pointer, Source, Tape, Unit, args, source};

pub static SOURCE: Source = source!("group_norm");

/// Pixels of a partial sum.
const ROWS: usize = 256;

#[derive(Debug, Clone, Copy)]
pub struct GroupNorm(pub Maps);

impl GroupNorm {
    fn unit(&self) -> Unit {
        let Maps { size: [h, w], channels, .. } = self.0;
        Unit::new(&SOURCE, &[("THREADS", THREADS), ("N", h * w), ("C", channels), ("ROWS", ROWS)])
    }

    fn over_numbers(&self) -> [usize; 2] {
        [blocks(self.0.pixels() * self.0.channels), 1]
    }

    fn parts(&self) -> usize {
        self.0.pixels().div_ceil(ROWS)
    }

    /// Statistics, slopes, and partial sums of both parameters.
    fn room(&self, scratch: Pointer) -> (Room, [Pointer; 4]) {
        let mut room = Room::new(scratch);
        let (image, partial) = (2 * self.0.images, self.parts() * self.0.channels);
        let parts = [image, image, partial, partial].map(|count| room.floats(count));
        (room, parts)
    }

    pub fn scratch(&self) -> usize {
        self.room(Pointer::NULL).0.used
    }

    fn statistics(&self, tape: &mut Tape, x: Pointer, to: Pointer) {
        let grid = [self.0.images, 1];
        tape.launch(self.unit(), "group_norm_statistics", grid, THREADS, args![x, to]);
    }

    /// `x`, `y` maps, `weight`, `bias [channels]`.
    pub fn forward(
        &self,
        tape: &mut Tape,
        [x, weight, bias]: [Pointer; 3],
        y: Pointer,
        scratch: Pointer,
    ) {
        let (_, [statistics, ..]) = self.room(scratch);
        self.statistics(tape, x, statistics);
        let args = args![x, statistics, weight, bias, y, self.0.images];
        tape.launch(self.unit(), "group_norm_forward", self.over_numbers(), THREADS, args);
    }

    /// From `g` the gradients of `x`, if it is wanted, of `weight` and `bias`.
    pub fn backward(
        &self,
        tape: &mut Tape,
        [x, weight, g]: [Pointer; 3],
        gx: Option<Pointer>,
        [gweight, gbias]: [Pointer; 2],
        scratch: Pointer,
    ) {
        let (_, [statistics, slopes, weights, biases]) = self.room(scratch);
        let (unit, images) = (self.unit(), self.0.images);
        self.statistics(tape, x, statistics);
        if let Some(gx) = gx {
            let args = args![x, statistics, weight, g, slopes];
            tape.launch(unit.clone(), "group_norm_slopes", [images, 1], THREADS, args);
            let args = args![x, statistics, slopes, weight, g, gx, images];
            tape.launch(unit.clone(), "group_norm_backward", self.over_numbers(), THREADS, args);
        }
        let args = args![x, statistics, g, weights, biases, self.0.pixels() as u64];
        let grid = [self.parts(), self.0.channels.div_ceil(THREADS)];
        tape.launch(unit, "group_norm_parameters", grid, THREADS, args);
        let (rows, n) = (self.parts(), self.0.channels);
        let sums = [
            Sum { partial: weights, sum: gweight, rows, n },
            Sum { partial: biases, sum: gbias, rows, n },
        ];
        fold(tape, &sums);
    }
}
