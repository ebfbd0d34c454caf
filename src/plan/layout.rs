//! Where buffers lie: the largest first, each at the lowest offset where nothing lies that lives at
//! the same time.

use super::Place;
use super::lives::Lives;

/// Every buffer begins at a multiple of this many floats, a cache line.
pub const ALIGN: usize = 16;

/// The places of every node's results, and how long the arena is.
pub fn layout(lives: &Lives) -> (Vec<Vec<Place>>, usize) {
    let buffers = &lives.buffers;
    let mut order: Vec<usize> = (0..buffers.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(buffers[i].len), buffers[i].first, i));
    let mut offsets = vec![0; buffers.len()];
    // Those that lie already, by offset.
    let mut laid: Vec<usize> = Vec::with_capacity(buffers.len());
    let mut arena = 0;
    for index in order {
        let (len, life) = (padded(buffers[index].len), buffers[index]);
        let mut offset = 0;
        for &other in &laid {
            let (start, meets) = (offsets[other], buffers[other]);
            if meets.first > life.last || meets.last < life.first {
                continue;
            }
            if start >= offset + len {
                break;
            }
            offset = offset.max(start + padded(meets.len));
        }
        offsets[index] = offset;
        arena = arena.max(offset + len);
        let at = laid.partition_point(|&other| offsets[other] <= offset);
        laid.insert(at, index);
    }
    let place = |&buffer: &usize| Place { offset: offsets[buffer], len: buffers[buffer].len };
    (lives.results.iter().map(|results| results.iter().map(place).collect()).collect(), arena)
}

fn padded(len: usize) -> usize {
    len.div_ceil(ALIGN) * ALIGN
}
