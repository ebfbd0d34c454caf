//! Channels split into heads.

use super::writer::{Name, Writer, int};
use crate::graph::Size;

/// A map with its channels in heads.
#[derive(Debug, Clone, Copy)]
pub struct Heads {
    pub size: Size,
    pub count: usize,
    /// Channels of one.
    pub width: usize,
}

impl Heads {
    pub fn new(size: Size, channels: usize, count: usize) -> Heads {
        Heads { size, count, width: channels / count }
    }

    pub fn pixels(self) -> usize {
        self.size[0] * self.size[1]
    }

    /// `[batch, H, W, A]` to `[batch, heads, N, width]`.
    pub fn split(self, w: &mut Writer, x: &str) -> Name {
        let x = w.reshape(x, &[self.pixels(), self.count, self.width]);
        w.transpose(&x, &[0, 2, 1, 3])
    }

    /// And back.
    pub fn join(self, w: &mut Writer, x: &str) -> Name {
        let x = w.transpose(x, &[0, 2, 1, 3]);
        w.reshape(&x, &[self.size[0], self.size[1], self.count * self.width])
    }

    /// Split, every vector of length one.
    pub fn directions(self, w: &mut Writer, x: &str) -> Name {
        let x = self.split(w, x);
        let axis = w.list(&[-1]);
        let length = w.op("ReduceL2", &[&x, &axis], [int("keepdims", 1)]);
        let least = w.number(1e-12);
        let length = w.op("Max", &[&length, &least], []);
        w.op("Div", &[&x, &length], [])
    }
}
