//! Batches out of images that lie on the device as bytes: windows of them, turned over or not, perhaps
//! with a hole.

use super::{THREADS, blocks};
use crate::exec::cuda::tape::{Pointer, Source, Tape, Unit, args, source};
use crate::graph::Size;

pub static SOURCE: Source = source!("view");

#[derive(Debug, Clone, Copy)]
pub struct View {
    /// Of the stored images.
    pub stored: Size,
    /// Of what is seen.
    pub shown: Size,
    /// How many are seen.
    pub images: usize,
}

impl View {
    /// `images [n, rows, columns, 3]` bytes, `views` [`View::WORDS`](crate::exec::View) integers each,
    /// `colors [3, 256]`; `out` as images come from the host.
    pub fn forward(&self, tape: &mut Tape, [images, views, colors]: [Pointer; 3], out: Pointer) {
        let ([h, w], [oh, ow]) = (self.stored, self.shown);
        let constants = [("THREADS", THREADS), ("H", h), ("W", w), ("OH", oh), ("OW", ow)];
        let grid = [blocks(self.images * oh * ow), 1];
        let args = args![images, views, colors, out, self.images];
        tape.launch(Unit::new(&SOURCE, &constants), "view", grid, THREADS, args);
    }
}
