//! The numbers of an image in another order: written down in one reading, taken up in another.

use super::{THREADS, blocks};
use crate::exec::cuda::tape::{Pointer, Source, Tape, Unit, args, source};

pub static SOURCE: Source = source!("reread");

#[derive(Debug, Clone, Copy)]
pub struct Reread {
    pub images: usize,
    pub from: Reading,
    pub to: Reading,
}

/// `[pixels, channels]`, the channels split into blocks.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    pub pixels: usize,
    pub channels: usize,
    pub blocks: usize,
}

impl Reread {
    pub fn forward(&self, tape: &mut Tape, x: Pointer, y: Pointer) {
        let Reread { images, from, to } = *self;
        let constants = [
            ("THREADS", THREADS),
            ("N", from.pixels),
            ("C", from.channels),
            ("FROM", from.blocks),
            ("M", to.pixels),
            ("E", to.channels),
            ("TO", to.blocks),
        ];
        let grid = [blocks(images * to.pixels * to.channels), 1];
        tape.launch(Unit::new(&SOURCE, &constants), "reread", grid, THREADS, args![x, y, images]);
    }

    pub fn backward(&self, tape: &mut Tape, g: Pointer, gx: Pointer) {
        Reread { from: self.to, to: self.from, ..*self }.forward(tape, g, gx);
    }
}
