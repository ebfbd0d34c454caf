//! Pixels and centers that meet head by head: how many there are, and where a head lies.

use super::tile::{self, Rows};
use crate::graph::Size;

/// Of one image.
#[derive(Debug, Clone, Copy)]
pub struct Meeting {
    pub centers: usize,
    pub pixels: usize,
    pub heads: usize,
    /// Of a center, or of a pixel, all heads together.
    pub channels: usize,
    /// Channels of a head.
    pub width: usize,
}

impl Meeting {
    pub fn new(map: Size, grid: Size, channels: usize, heads: usize) -> Meeting {
        let [centers, pixels] = [grid, map].map(|[rows, columns]| rows * columns);
        Meeting { centers, pixels, heads, channels, width: channels / heads }
    }

    /// Pixels in a block of those whose products with all centers stay near.
    pub fn block(&self) -> usize {
        tile::block(self.centers, self.pixels)
    }

    /// Numbers of all centers.
    pub fn grid(&self) -> usize {
        self.centers * self.channels
    }

    /// Numbers of all pixels.
    pub fn map(&self) -> usize {
        self.pixels * self.channels
    }

    /// Numbers of a hard assignment, `[H, W, heads]`.
    pub fn chosen(&self) -> usize {
        self.pixels * self.heads
    }

    /// Numbers of a soft one, `[H, W, heads, M]`.
    pub fn weights(&self) -> usize {
        self.chosen() * self.centers
    }

    /// One head of rows `start..start + count` of a map or a grid.
    #[inline(always)]
    pub(super) fn head<'a>(
        &self,
        map: &'a [f32],
        start: usize,
        count: usize,
        h: usize,
    ) -> Rows<'a> {
        Rows::head(map, self.channels, [start, count], h, self.width)
    }
}

/// What every pixel chose, head by head: `[H, W, heads]` each.
#[derive(Debug, Clone, Copy)]
pub struct Chosen<'a> {
    pub index: &'a [u32],
    /// How much of its center a pixel has.
    pub weight: &'a [f32],
}

impl<'a> Chosen<'a> {
    /// Image by image, of `size` numbers each.
    #[inline(always)]
    pub fn images(self, size: usize) -> impl Iterator<Item = Chosen<'a>> {
        let both = self.index.chunks_exact(size).zip(self.weight.chunks_exact(size));
        both.map(|(index, weight)| Chosen { index, weight })
    }
}
