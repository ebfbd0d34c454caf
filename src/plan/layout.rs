//! Where buffers lie: the largest first, each at the lowest offset where nothing lies that lives at
//! the same time.

use super::Place;
use super::lives::{Life, Lives};
use crate::graph::Few;

/// Every buffer begins at a multiple of this many words, a cache line.
pub const ALIGN: usize = 16;

/// A buffer that lies already.
struct Laid {
    start: usize,
    end: usize,
    life: Life,
}

/// The places of every node's results, and how long the arena is.
pub fn layout(lives: &Lives) -> (Vec<Few<Place>>, usize) {
    let buffers = &lives.buffers;
    let mut order: Vec<usize> = (0..buffers.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(buffers[i].len), buffers[i].first, i));
    let mut offsets = vec![0; buffers.len()];
    // By where they start.
    let mut laid: Vec<Laid> = Vec::with_capacity(buffers.len());
    let mut arena = 0;
    for index in order {
        let life = buffers[index];
        let len = padded(life.len);
        let mut offset = 0;
        for other in &laid {
            if other.start >= offset + len {
                break;
            }
            if other.life.first <= life.last && other.life.last >= life.first {
                offset = offset.max(other.end);
            }
        }
        offsets[index] = offset;
        let end = offset + len;
        arena = arena.max(end);
        let at = laid.partition_point(|other| other.start <= offset);
        laid.insert(at, Laid { start: offset, end, life });
    }
    let place = |&buffer: &usize| Place { offset: offsets[buffer], len: buffers[buffer].len };
    (lives.results.iter().map(|results| results.iter().map(place).collect()).collect(), arena)
}

fn padded(len: usize) -> usize {
    len.div_ceil(ALIGN) * ALIGN
}
