//! The numbers of an image in another order: written down in one reading, taken up in another. A
//! reading splits the channels of a map into `blocks` of equal width and goes block by block, in a
//! block pixel by pixel, in a pixel channel by channel: the place of channel `c` of pixel `n` among
//! `N` is `(c / w * N + n) * w + c % w`, `w` channels a block. One block is our own order; a block for
//! every channel is channels first.
//!
//! `[B, H, W, C] -> [B, h, w, C']` with as many numbers: `y` at place `p` of reading `to` is `x` at
//! place `p` of reading `from`. ClusterFormer's published code reshapes so, and without it its rows
//! can not be computed.
//!
//! Derivative: the same permutation back, that is with `from` and `to`, and the maps, exchanged.

use super::{Flow, Mismatch, Operation, Reads, map_of};
use crate::graph::{Size, Type, area, times};

#[derive(Debug, Clone, PartialEq)]
pub struct Reread {
    /// Rows and columns of the result.
    pub map: Size,
    /// Blocks in which the input is read.
    pub from: usize,
    /// Blocks in which the result is read.
    pub to: usize,
}

impl Reread {
    /// For every number of a result `[h, w, C']`, in our order, the place of the input's that it is;
    /// `input` and `result` are pixels and channels.
    pub fn places(&self, input: [usize; 2], result: [usize; 2]) -> Vec<usize> {
        let mut places = vec![0; result[0] * result[1]];
        for pixel in 0..result[0] {
            for channel in 0..result[1] {
                let memory = place(result, self.to, pixel, channel);
                // The same place of memory in the other reading.
                let width = input[1] / self.from;
                let (row, within) = (memory / width, memory % width);
                let (block, from) = (row / input[0], row % input[0]);
                places[pixel * result[1] + channel] = from * input[1] + block * width + within;
            }
        }
        places
    }
}

/// Where channel `channel` of pixel `pixel` stands in a reading.
fn place([pixels, channels]: [usize; 2], blocks: usize, pixel: usize, channel: usize) -> usize {
    let width = channels / blocks;
    (channel / width * pixels + pixel) * width + channel % width
}

impl Operation for Reread {
    fn name(&self) -> &'static str {
        "reread"
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        vec![
            ("map", times(self.map)),
            ("from", self.from.to_string()),
            ("to", self.to.to_string()),
        ]
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        let (map, channels) = map_of(inputs, 0)?;
        let numbers = inputs[0].elements();
        let pixels = area(self.map);
        let whole = pixels > 0 && numbers.is_multiple_of(pixels);
        let result = if whole { (numbers / pixels) as usize } else { 0 };
        let splits = |channels: usize, blocks: usize| blocks > 0 && channels.is_multiple_of(blocks);
        if !whole || !splits(channels, self.from) || !splits(result, self.to) {
            let message = format!(
                "a {} map of {channels} channels can not be read as a {} map",
                times(map),
                times(self.map)
            );
            return Err(Mismatch::new(message, &[0]));
        }
        Ok(Type::map(self.map, result))
    }

    fn flow(&self, _: usize) -> Flow {
        Flow::Through
    }

    fn reads(&self) -> Reads {
        Reads::NOTHING
    }
}
