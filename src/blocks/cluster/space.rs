//! Where pixels and centers meet: over the whole map, in windows of it, or in slices of memory.
//!
//! ClusterFormer's published code changes layouts by row-major reshapes alone, never by a transpose,
//! so that its windows are slices of channels and its tokens mix pixels with channels (families.md
//! section 2.5). In the raw layout every slice and head is a head of a smaller map here, and values
//! are reread between the steps as they are reshaped there; otherwise nothing is reread.

use crate::graph::ops::{Reread, Windows};
use crate::graph::{Builder, Size, Value};

/// In what order a step takes its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// `[slices heads, width, pixels]`: channels first, as maps are pooled and compared.
    Channels,
    /// `[slices, pixels, heads width]`: as centers attend.
    Tokens,
    /// `[slices heads, pixels, width]`: as pixels are averaged and dispatched.
    Rows,
}

#[derive(Debug, Clone)]
pub struct Space {
    /// Rows and columns of the map.
    pub map: Size,
    pub windows: Size,
    /// Centers of one window.
    pub centers: Size,
    pub heads: usize,
    /// Of all heads together.
    pub channels: usize,
    pub raw: bool,
}

impl Space {
    /// Windows in which ops let pixels and centers meet.
    pub fn windows(&self) -> Windows {
        if self.raw { Windows::WHOLE } else { Windows(self.windows) }
    }

    /// All centers of a head.
    pub fn grid(&self) -> Size {
        let [rows, columns] = self.windows().0;
        [rows * self.centers[0], columns * self.centers[1]]
    }

    /// Heads of the map that pixels and centers meet in.
    pub fn heads(&self) -> usize {
        if self.raw { self.heads * self.slices() } else { self.heads }
    }

    fn slices(&self) -> usize {
        self.windows[0] * self.windows[1]
    }

    fn blocks(&self, order: Order) -> usize {
        match order {
            Order::Channels => self.slices() * self.channels,
            Order::Tokens => self.slices(),
            Order::Rows => self.slices() * self.heads,
        }
    }

    /// A projection of the map, taken in an order.
    pub fn read(&self, b: &mut Builder, name: &str, x: Value, order: Order) -> Value {
        let part = Windows(self.windows).of(self.map);
        self.reread(b, name, x, part, self.channels, self.blocks(order))
    }

    /// Centers in another order.
    pub fn turn(&self, b: &mut Builder, name: &str, x: Value, from: Order, to: Order) -> Value {
        self.reread(b, name, x, self.centers, self.blocks(from), self.blocks(to))
    }

    /// Rows of pixels back on the map.
    pub fn restore(&self, b: &mut Builder, name: &str, x: Value) -> Value {
        self.reread(b, name, x, self.map, self.blocks(Order::Rows), self.channels)
    }

    fn reread(
        &self,
        b: &mut Builder,
        name: &str,
        x: Value,
        map: Size,
        from: usize,
        to: usize,
    ) -> Value {
        let same = b.ty(x).as_map().is_some_and(|(size, _)| size == map) && from == to;
        if !self.raw || same { x } else { b.push(name, "", Reread { map, from, to }, &[x]) }
    }
}
