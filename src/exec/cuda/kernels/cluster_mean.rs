//! Centers become the mean of themselves and the pixels that chose them.

use super::maps::Maps;
use super::{Room, THREADS, blocks};
use crate::exec::cuda::tape::{Pointer, Source, Tape, Unit, args, source};
use crate::graph::Size;

pub static SOURCE: Source = source!("cluster_mean");

#[derive(Debug, Clone, Copy)]
pub struct ClusterMean {
    pub maps: Maps,
    pub grid: Size,
}

impl ClusterMean {
    fn unit(&self) -> Unit {
        let ([h, w], [gh, gw]) = (self.maps.size, self.grid);
        let c = self.maps.channels;
        let constants =
            [("THREADS", THREADS), ("H", h), ("W", w), ("C", c), ("GH", gh), ("GW", gw)];
        Unit::new(&SOURCE, &constants)
    }

    fn centers(&self) -> usize {
        self.grid[0] * self.grid[1]
    }

    /// A warp per center.
    fn over_centers(&self) -> [usize; 2] {
        [self.centers().div_ceil(THREADS / 32), self.maps.images]
    }

    fn room(&self, scratch: Pointer) -> (Room, Pointer) {
        let mut room = Room::new(scratch);
        let shares = room.floats(self.maps.images * self.centers() * self.maps.channels);
        (room, shares)
    }

    pub fn scratch(&self) -> usize {
        self.room(Pointer::NULL).0.used
    }

    /// `index [images, rows, columns]`, `v` a map, `o [images, grid, channels]`.
    pub fn forward(&self, tape: &mut Tape, index: Pointer, v: Pointer, o: Pointer) {
        let args = args![index, v, o];
        tape.launch(self.unit(), "cluster_mean_forward", self.over_centers(), THREADS, args);
    }

    /// From `g`, the gradient of `o`, that of `v`.
    pub fn backward(
        &self,
        tape: &mut Tape,
        [index, g]: [Pointer; 2],
        gv: Pointer,
        scratch: Pointer,
    ) {
        let (_, shares) = self.room(scratch);
        let args = args![index, g, shares];
        tape.launch(self.unit(), "cluster_mean_shares", self.over_centers(), THREADS, args);
        let grid = [blocks(self.maps.pixels() * self.maps.channels), 1];
        let args = args![index, shares, gv, self.maps.images];
        tape.launch(self.unit(), "cluster_mean_backward", grid, THREADS, args);
    }
}
