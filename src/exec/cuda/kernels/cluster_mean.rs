//! Centers become the mean of themselves and their pixels, head by head.

use super::maps::Maps;
use super::{Room, THREADS, blocks, shares, together};
use crate::exec::cuda::tape::{Pointer, Precision, Source, Tape, Unit, args, source};
use crate::graph::Size;
use crate::graph::ops::Weighing;

pub static SOURCE: Source = source!("cluster_mean");

#[derive(Debug, Clone, Copy)]
pub struct ClusterMean {
    pub maps: Maps,
    pub grid: Size,
    pub heads: usize,
    pub weighing: Weighing,
    /// Every pixel counts for every center.
    pub soft: bool,
    /// The centers themselves are given; otherwise they are the adaptive averages of the pixels.
    pub own: bool,
}

/// Who belongs to whom: an index and a value per pixel and head, or soft weights.
#[derive(Debug, Clone, Copy)]
pub struct Belonging {
    pub index: Pointer,
    /// Null where all pixels count the same.
    pub weights: Pointer,
}

impl ClusterMean {
    /// Neighbors a thread has in the gradient of the pixels.
    fn wide(&self, precision: Precision) -> usize {
        together(self.width(), precision)
    }

    /// Of a head.
    fn width(&self) -> usize {
        self.maps.channels / self.heads
    }

    fn shares(&self) -> usize {
        let pixels = self.maps.size[0] * self.maps.size[1];
        shares(pixels, self.heads * self.centers(), self.width(), THREADS)
    }

    fn unit(&self, precision: Precision) -> Unit {
        let ([h, w], [gh, gw]) = (self.maps.size, self.grid);
        let weighing = match self.weighing {
            Weighing::Mean => 0,
            Weighing::Weighted => 1,
            Weighing::Mixed => 2,
        };
        let constants = [
            ("THREADS", THREADS),
            ("H", h),
            ("W", w),
            ("GH", gh),
            ("GW", gw),
            ("HEADS", self.heads),
            ("D", self.width()),
            ("SHARES", self.shares()),
            ("WEIGHING", weighing),
            ("SOFT", usize::from(self.soft)),
            ("OWN", usize::from(self.own)),
            ("WIDE", self.wide(precision)),
        ];
        Unit::new(&SOURCE, &constants)
    }

    fn centers(&self) -> usize {
        self.grid[0] * self.grid[1]
    }

    /// Some warps have a center.
    fn over_centers(&self) -> [usize; 2] {
        let warps = self.centers() * self.shares();
        [self.maps.images * self.heads, warps.div_ceil(THREADS / 32)]
    }

    fn room(&self, scratch: Pointer) -> (Room, Pointer) {
        let mut room = Room::new(scratch);
        let shares = room.floats(self.maps.images * self.centers() * self.maps.channels);
        (room, shares)
    }

    pub fn scratch(&self) -> usize {
        self.room(Pointer::NULL).0.used
    }

    /// `v` a map, `z` and `o [images, grid, channels]`; `z` is read where centers are given.
    pub fn forward(&self, tape: &mut Tape, of: Belonging, [v, z]: [Pointer; 2], o: Pointer) {
        let args = args![of.index, of.weights, v, z, o];
        let unit = self.unit(tape.precision);
        tape.launch(unit, "cluster_mean_forward", self.over_centers(), THREADS, args);
    }

    /// From `g`, the gradient of `o`, those that are wanted of the weights, `v` and `z`.
    pub fn backward(
        &self,
        tape: &mut Tape,
        of: Belonging,
        [v, o, g]: [Pointer; 3],
        [weights, gv, gz]: [Option<Pointer>; 3],
        scratch: Pointer,
    ) {
        let (_, shares) = self.room(scratch);
        let (unit, images) = (self.unit(tape.precision), self.maps.images);
        let args = args![of.index, of.weights, g, shares, gz.unwrap_or(Pointer::NULL)];
        tape.launch(unit.clone(), "cluster_mean_shares", self.over_centers(), THREADS, args);
        if let Some(gv) = gv {
            let wide = self.wide(tape.precision);
            let grid = [blocks(self.maps.pixels() * self.maps.channels / wide), 1];
            let args = args![of.index, of.weights, shares, gv, images];
            tape.launch(unit.clone(), "cluster_mean_backward", grid, THREADS, args);
        }
        if let Some(weights) = weights {
            let each = if self.soft { self.centers() } else { 1 };
            let grid = [blocks(self.maps.pixels() * self.heads * each), 1];
            let args = args![of.index, v, o, shares, weights, images];
            tape.launch(unit, "cluster_mean_weights", grid, THREADS, args);
        }
    }
}
