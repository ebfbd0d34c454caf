//! Small products of rows in cache with panels: matrices whose rows are padded to whole vectors.
//!
//! The left side is read number by number where it lies, at any stride, so maps need no packing and
//! heads no copy. Lanes run over the right side's columns: the centers, or the channels of a head.

use super::product::tile::{Numbers, Steps, sums};
use pulp::{Simd, WithSimd};

/// The widest vector there is: scratch is sized for it.
const WIDEST: usize = 16;

/// Numbers in a row of a panel, at most.
pub const fn room(width: usize) -> usize {
    width.next_multiple_of(WIDEST)
}

/// Numbers in a row of a panel on this instruction set.
#[inline(always)]
pub fn padded<S: Simd>(width: usize) -> usize {
    width.next_multiple_of(S::F32_LANES)
}

/// Scratch, handed out part by part, every part at the start of a cache line.
pub struct Lent<'a>(&'a mut [f32]);

impl<'a> Lent<'a> {
    pub fn new(scratch: &'a mut [f32]) -> Lent<'a> {
        let start = scratch.as_ptr().align_offset(64).min(scratch.len());
        Lent(&mut scratch[start..])
    }

    pub fn take(&mut self, count: usize) -> &'a mut [f32] {
        let (part, rest) = std::mem::take(&mut self.0).split_at_mut(room(count));
        self.0 = rest;
        &mut part[..count]
    }

    /// What nobody has taken, for a while.
    pub fn rest(&mut self) -> &mut [f32] {
        self.0
    }

    pub fn into_rest(self) -> &'a mut [f32] {
        self.0
    }

    /// How many floats parts of these sizes take up.
    pub fn needed(parts: &[usize]) -> usize {
        WIDEST + parts.iter().map(|&part| room(part)).sum::<usize>()
    }
}

/// Pixels whose products with so many centers fill about a third of the first cache; whole tiles of
/// any height.
pub fn block(centers: usize, pixels: usize) -> usize {
    (4096 / room(centers) / 48 * 48).clamp(24, 96).min(pixels)
}

/// Rows of `depth` numbers, `stride` apart.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    pub data: &'a [f32],
    pub stride: usize,
    pub count: usize,
    pub depth: usize,
}

impl<'a> Rows<'a> {
    #[inline(always)]
    pub fn row(&self, i: usize) -> &'a [f32] {
        &self.data[i * self.stride..][..self.depth]
    }

    /// One head of the rows `start..start + count` of a map, `depth` channels wide.
    #[inline(always)]
    pub fn head(
        map: &'a [f32],
        channels: usize,
        [start, count]: [usize; 2],
        head: usize,
        depth: usize,
    ) -> Rows<'a> {
        Rows { data: &map[start * channels + head * depth..], stride: channels, count, depth }
    }

    fn reach(&self) -> usize {
        if self.count == 0 { 0 } else { (self.count - 1) * self.stride + self.depth }
    }
}

/// Rows of `width` numbers, one behind the other, of which the first `columns` are used: whole vectors.
#[derive(Clone, Copy)]
pub struct Panel<'a> {
    data: &'a [f32],
    width: usize,
    columns: usize,
}

impl<'a> Panel<'a> {
    #[inline(always)]
    pub fn new(data: &'a [f32], width: usize) -> Panel<'a> {
        Panel { data, width, columns: width }
    }

    #[inline(always)]
    pub fn columns(self, columns: usize) -> Panel<'a> {
        Panel { columns, ..self }
    }

    /// Whether it has so many rows, and columns for vectors of so many lanes.
    #[inline(always)]
    fn fits(&self, rows: usize, lanes: usize) -> bool {
        let whole = self.columns.is_multiple_of(lanes) && self.columns <= self.width;
        whole && self.data.len() >= rows * self.width
    }
}

/// `out = rows · panel`: `[count, depth] · [depth, columns]`, into rows as wide as the panel's. What
/// lies behind so many columns stays as it is.
#[inline(always)]
pub fn multiply<S: Simd>(simd: S, rows: Rows, panel: Panel, out: &mut [f32]) {
    simd.vectorize(Multiply { rows, panel, out, add: false });
}

/// `out += rows · panel`, as in [`multiply`].
#[inline(always)]
pub fn multiply_add<S: Simd>(simd: S, rows: Rows, panel: Panel, out: &mut [f32]) {
    simd.vectorize(Multiply { rows, panel, out, add: true });
}

/// `sums += rows transposed · panel`: `[depth, count] · [count, columns]`, as in [`multiply`].
#[inline(always)]
pub fn collect<S: Simd>(simd: S, rows: Rows, panel: Panel, sums: &mut [f32]) {
    simd.vectorize(Collect { rows, panel, sums });
}

struct Multiply<'a> {
    rows: Rows<'a>,
    panel: Panel<'a>,
    out: &'a mut [f32],
    add: bool,
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let Rows { data, count, depth, .. } = self.rows;
        assert!(data.len() >= self.rows.reach() && self.panel.fits(depth, S::F32_LANES));
        assert!(self.out.len() >= count * self.panel.width);
        let (mut at, vectors) = (0, self.panel.columns / S::F32_LANES);
        while at < vectors {
            // Tiles that fill the registers, and never fewer than eight sums at once.
            at += match (vectors - at, S::REGISTER_COUNT >= 32) {
                (1, true) => self.strip::<S, 16, 1>(simd, at),
                (1, false) => self.strip::<S, 8, 1>(simd, at),
                (2, true) => self.strip::<S, 8, 2>(simd, at),
                (3, true) => self.strip::<S, 8, 3>(simd, at),
                (_, true) => self.strip::<S, 6, 4>(simd, at),
                (_, false) => self.strip::<S, 4, 2>(simd, at),
            };
        }
    }
}

impl Multiply<'_> {
    /// `V` vectors from vector `at` on, for all rows.
    #[inline(always)]
    fn strip<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, at: usize) -> usize {
        let mut row = 0;
        while row + R <= self.rows.count {
            self.tile::<S, R, V>(simd, row, at);
            row += R;
        }
        if R > 8 && row + 8 <= self.rows.count {
            self.tile::<S, 8, V>(simd, row, at);
            row += 8;
        }
        if R > 4 && row + 4 <= self.rows.count {
            self.tile::<S, 4, V>(simd, row, at);
            row += 4;
        }
        while row < self.rows.count {
            self.tile::<S, 1, V>(simd, row, at);
            row += 1;
        }
        V
    }

    #[inline(always)]
    fn tile<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, row: usize, at: usize) {
        let (Rows { data, stride, count, depth }, Panel { width, .. }) = (self.rows, self.panel);
        debug_assert!(row + R <= count && (at + V) * S::F32_LANES <= self.panel.columns);
        // SAFETY: `with_simd` has checked that rows, panel and result are as long as their sizes say,
        // and the tile lies within the rows and columns.
        unsafe {
            let left = data.as_ptr().add(row * stride);
            let right = self.panel.data.as_ptr().add(at * S::F32_LANES);
            let out = self.out.as_mut_ptr().add(row * width + at * S::F32_LANES);
            let place =
                |r: usize, v: usize| out.add(r * width + v * S::F32_LANES).cast::<S::f32s>();
            let a = Steps { start: left, along: stride, down: 1 };
            let sums = sums::<S, Numbers, R, V>(simd, depth, a, right, width);
            for (r, sums) in sums.iter().enumerate() {
                for (v, &sum) in sums.iter().enumerate() {
                    let place = place(r, v);
                    let sum = match self.add {
                        true => simd.add_f32s(place.read_unaligned(), sum),
                        false => sum,
                    };
                    place.write_unaligned(sum);
                }
            }
        }
    }
}

struct Collect<'a> {
    rows: Rows<'a>,
    panel: Panel<'a>,
    sums: &'a mut [f32],
}

impl WithSimd for Collect<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let Rows { data, count, depth, .. } = self.rows;
        assert!(data.len() >= self.rows.reach() && self.panel.fits(count, S::F32_LANES));
        assert!(self.sums.len() >= depth * self.panel.width);
        let (mut at, vectors) = (0, self.panel.columns / S::F32_LANES);
        while at < vectors {
            at += match (vectors - at, S::REGISTER_COUNT >= 32) {
                (1, true) => self.strip::<S, 16, 1>(simd, at),
                (1, false) => self.strip::<S, 8, 1>(simd, at),
                (2, true) => self.strip::<S, 8, 2>(simd, at),
                (3, true) => self.strip::<S, 8, 3>(simd, at),
                (_, true) => self.strip::<S, 4, 4>(simd, at),
                (_, false) => self.strip::<S, 4, 2>(simd, at),
            };
        }
    }
}

impl Collect<'_> {
    #[inline(always)]
    fn strip<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, at: usize) -> usize {
        let mut k = 0;
        while k + R <= self.rows.depth {
            self.tile::<S, R, V>(simd, k, at);
            k += R;
        }
        if R == 16 && k + 8 <= self.rows.depth {
            self.tile::<S, 8, V>(simd, k, at);
            k += 8;
        }
        if R > 4 && k + 4 <= self.rows.depth {
            self.tile::<S, 4, V>(simd, k, at);
            k += 4;
        }
        while k < self.rows.depth {
            self.tile::<S, 1, V>(simd, k, at);
            k += 1;
        }
        V
    }

    #[inline(always)]
    fn tile<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, k: usize, at: usize) {
        let (Rows { data, stride, count, depth }, Panel { width, .. }) = (self.rows, self.panel);
        debug_assert!(k + R <= depth && (at + V) * S::F32_LANES <= self.panel.columns);
        // SAFETY: as in `Multiply`.
        unsafe {
            let left = data.as_ptr().add(k);
            let right = self.panel.data.as_ptr().add(at * S::F32_LANES);
            let out = self.sums.as_mut_ptr().add(k * width + at * S::F32_LANES);
            let place =
                |r: usize, v: usize| out.add(r * width + v * S::F32_LANES).cast::<S::f32s>();
            let a = Steps { start: left, along: 1, down: stride };
            let sums = sums::<S, Numbers, R, V>(simd, count, a, right, width);
            for (r, sums) in sums.iter().enumerate() {
                for (v, &sum) in sums.iter().enumerate() {
                    let place = place(r, v);
                    place.write_unaligned(simd.add_f32s(place.read_unaligned(), sum));
                }
            }
        }
    }
}
