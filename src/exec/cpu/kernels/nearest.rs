//! The center most similar to every pixel: cosine over all channels, the first of equal ones.
//!
//! The centers are the map's adaptive averages. A pixel's length does not change which center is the
//! most similar, so only centers are divided by theirs. Every tile of pixels and centers keeps the
//! largest product and its center lane by lane: no matrix of all products.

use super::adaptive_pool::AdaptivePool;
use super::directions::inverse_lengths;
use super::meeting::Meeting;
use super::tile::{Lent, Rows, room};
use super::vector::vectorized;
use crate::graph::Size;
use pulp::Simd;

/// `[H, W, D]` to an index in `[gh, gw]` for every pixel.
#[derive(Debug, Clone, Copy)]
pub struct Nearest {
    pub map: Size,
    pub grid: Size,
    pub channels: usize,
}

/// Pixels that go over all centers together.
const BLOCK: usize = 64;
/// Pixels and vectors of centers in a tile, where there are many registers and where not.
const LARGE: [usize; 2] = [8, 3];
const SMALL: [usize; 2] = [4, 2];
/// The widest vector.
const LANES: usize = 16;

impl Nearest {
    pub fn scratch(&self) -> usize {
        let Meeting { centers: m, channels: c, .. } = self.meeting();
        Lent::needed(&[m * c, m, self.columns() * c, BLOCK * LANES, BLOCK * LANES])
    }

    pub fn forward(&self, images: usize, x: &[f32], index: &mut [u32], scratch: &mut [f32]) {
        let of = self.meeting();
        assert_eq!([x.len(), index.len()], [images * of.map(), images * of.pixels]);
        assert!(scratch.len() >= self.scratch());
        forward(*self, x, index, scratch);
    }

    /// All channels are one head.
    fn meeting(&self) -> Meeting {
        Meeting::new(self.map, self.grid, self.channels, 1)
    }

    /// Centers, up to whole tiles.
    fn columns(&self) -> usize {
        room(self.meeting().centers)
    }
}

vectorized! {
    fn forward<S>(simd, size: Nearest, x: &'a [f32], index: &'a mut [u32], scratch: &'a mut [f32]) {
        let Nearest { map, grid, channels } = size;
        let of = size.meeting();
        let Meeting { centers: m, pixels: n, .. } = of;
        let mut lent = Lent::new(scratch);
        let (centers, lengths) = (lent.take(m * channels), lent.take(m));
        let panel = lent.take(size.columns() * channels);
        let mut best = Best {
            largest: S::as_mut_simd_f32s(lent.take(BLOCK * S::F32_LANES)).0,
            center: S::as_mut_simd_f32s(lent.take(BLOCK * S::F32_LANES)).0,
        };
        for (x, index) in x.chunks_exact(n * channels).zip(index.chunks_exact_mut(n)) {
            AdaptivePool { map, grid, channels }.forward(1, x, centers);
            let rows = of.head(centers, 0, m, 0);
            inverse_lengths(simd, rows, lengths);
            pack::<S>(rows, lengths, panel);
            for (block, index) in index.chunks_mut(BLOCK).enumerate() {
                let count = index.len();
                let data = &x[block * BLOCK * channels..][..count * channels];
                let pixels = Rows { data, stride: channels, count, depth: channels };
                best.largest.fill(simd.splat_f32s(f32::NEG_INFINITY));
                best.center.fill(simd.splat_f32s(0.0));
                if S::REGISTER_COUNT >= 32 {
                    search::<S, { LARGE[0] }, { LARGE[1] }>(simd, pixels, panel, m, &mut best);
                } else {
                    search::<S, { SMALL[0] }, { SMALL[1] }>(simd, pixels, panel, m, &mut best);
                }
                for (i, to) in index.iter_mut().enumerate() {
                    *to = best.of(simd, i);
                }
            }
        }
    }
}

/// The largest product so far and its center, for every pixel of a block and every lane. A center is
/// the bits of a float: so small an integer orders like one.
struct Best<'a, S: Simd> {
    largest: &'a mut [S::f32s],
    center: &'a mut [S::f32s],
}

impl<S: Simd> Best<'_, S> {
    /// The first center of a pixel's largest product, over all lanes.
    #[inline(always)]
    fn of(&self, simd: S, pixel: usize) -> u32 {
        let largest = simd.splat_f32s(simd.reduce_max_f32s(self.largest[pixel]));
        let reached = simd.greater_than_or_equal_f32s(self.largest[pixel], largest);
        let none = simd.splat_f32s(f32::INFINITY);
        let first = simd.reduce_min_f32s(simd.select_f32s(reached, self.center[pixel], none));
        if first == f32::INFINITY { 0 } else { first.to_bits() }
    }
}

/// Directions of the centers, a vector of them after the other: `[vectors][channels][lanes]`. Lanes
/// beyond the last center repeat it: being later, they never win.
#[inline(always)]
fn pack<S: Simd>(rows: Rows, inverse: &[f32], panel: &mut [f32]) {
    for (vector, part) in panel.chunks_exact_mut(rows.depth * S::F32_LANES).enumerate() {
        for lane in 0..S::F32_LANES {
            let center = (vector * S::F32_LANES + lane).min(rows.count - 1);
            for (k, &x) in rows.row(center).iter().enumerate() {
                part[k * S::F32_LANES + lane] = x * inverse[center];
            }
        }
    }
}

#[inline(always)]
fn search<S: Simd, const R: usize, const V: usize>(
    simd: S,
    pixels: Rows,
    panel: &[f32],
    m: usize,
    best: &mut Best<S>,
) {
    let vectors = m.div_ceil(S::F32_LANES);
    let mut vector = 0;
    while vector + V <= vectors {
        strip::<S, R, V>(simd, pixels, panel, vector, best);
        vector += V;
    }
    while vector < vectors {
        strip::<S, R, 1>(simd, pixels, panel, vector, best);
        vector += 1;
    }
}

#[inline(always)]
fn strip<S: Simd, const R: usize, const V: usize>(
    simd: S,
    pixels: Rows,
    panel: &[f32],
    vector: usize,
    best: &mut Best<S>,
) {
    let mut pixel = 0;
    while pixel + R <= pixels.count {
        tile::<S, R, V>(simd, pixels, panel, pixel, vector, best);
        pixel += R;
    }
    while pixel < pixels.count {
        tile::<S, 1, V>(simd, pixels, panel, pixel, vector, best);
        pixel += 1;
    }
}

#[inline(always)]
fn tile<S: Simd, const R: usize, const V: usize>(
    simd: S,
    pixels: Rows,
    panel: &[f32],
    pixel: usize,
    vector: usize,
    best: &mut Best<S>,
) {
    let Rows { data, stride, count, depth } = pixels;
    let size = depth * S::F32_LANES;
    assert!(pixel + R <= count && (count - 1) * stride + depth <= data.len());
    assert!((vector + V) * size <= panel.len());
    let mut sums = [[simd.splat_f32s(0.0); V]; R];
    // SAFETY: the pixels lie in the data and the vectors in the panel, as just checked.
    unsafe {
        let left = data.as_ptr().add(pixel * stride);
        let right = panel.as_ptr().add(vector * size);
        for k in 0..depth {
            let mut b = [simd.splat_f32s(0.0); V];
            for (v, b) in b.iter_mut().enumerate() {
                let from = right.add(v * size + k * S::F32_LANES);
                *b = from.cast::<S::f32s>().read_unaligned();
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let a = simd.splat_f32s(*left.add(r * stride + k));
                for (sum, &b) in sums.iter_mut().zip(&b) {
                    *sum = simd.mul_add_e_f32s(a, b, *sum);
                }
            }
        }
    }
    let lanes = first_integers(simd);
    for (r, sums) in sums.iter().enumerate() {
        let (mut largest, mut center) = (best.largest[pixel + r], best.center[pixel + r]);
        for (v, &sum) in sums.iter().enumerate() {
            let first = simd.splat_u32s(((vector + v) * S::F32_LANES) as u32);
            let these = simd.transmute_f32s_u32s(simd.add_u32s(lanes, first));
            let larger = simd.greater_than_f32s(sum, largest);
            largest = simd.select_f32s(larger, sum, largest);
            center = simd.select_f32s(larger, these, center);
        }
        best.largest[pixel + r] = largest;
        best.center[pixel + r] = center;
    }
}

/// 0, 1, 2 ... lane by lane.
#[inline(always)]
fn first_integers<S: Simd>(simd: S) -> S::u32s {
    const INTEGERS: [u32; LANES] = {
        let mut integers = [0; LANES];
        let mut i = 0;
        while i < LANES {
            integers[i] = i as u32;
            i += 1;
        }
        integers
    };
    let _ = simd;
    S::as_simd_u32s(&INTEGERS).0[0]
}
