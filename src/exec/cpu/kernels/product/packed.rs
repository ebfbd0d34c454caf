//! Weights in the order in which the product reads them: panels of 32 columns, all rows of a panel
//! one behind the other, the last panel filled up with zeros. The order is the same for every
//! instruction set.

use super::Matrix;

/// Columns of a panel: two vectors of AVX-512, four of AVX2.
pub const PANEL: usize = 32;

/// Length of a packed `[k, n]` matrix.
pub fn packed_len(k: usize, n: usize) -> usize {
    k * n.next_multiple_of(PANEL)
}

/// Packs `source`, `[k, n]`.
pub fn pack(source: Matrix, to: &mut [f32]) {
    let (k, n) = (source.rows, source.columns);
    if k == 0 {
        return;
    }
    let panels = to[..packed_len(k, n)].chunks_exact_mut(k * PANEL);
    for (panel, left) in panels.zip((0..n).step_by(PANEL)) {
        let width = PANEL.min(n - left);
        for (row, to) in panel.chunks_exact_mut(PANEL).enumerate() {
            to[..width].copy_from_slice(source.part(row, left, width));
            to[width..].fill(0.0);
        }
    }
}

/// Packs the transpose of `source`: of `[n, k]`, a `[k, n]` matrix.
pub fn pack_transposed(source: Matrix, to: &mut [f32]) {
    /// Rows of a panel written together: few enough to stay in the first cache.
    const ROWS: usize = 16;
    let (n, k) = (source.rows, source.columns);
    if k == 0 {
        return;
    }
    let panels = to[..packed_len(k, n)].chunks_exact_mut(k * PANEL);
    for (panel, left) in panels.zip((0..n).step_by(PANEL)) {
        for (rows, top) in panel.chunks_mut(ROWS * PANEL).zip((0..k).step_by(ROWS)) {
            let count = rows.len() / PANEL;
            if n - left < PANEL {
                rows.fill(0.0);
            }
            for column in 0..PANEL.min(n - left) {
                let source = source.part(left + column, top, count);
                for (to, &x) in rows[column..].iter_mut().step_by(PANEL).zip(source) {
                    *to = x;
                }
            }
        }
    }
}

/// A packed `[k, n]` matrix, or a part of one.
#[derive(Clone, Copy)]
pub struct Packed<'a> {
    data: &'a [f32],
    pub k: usize,
    pub n: usize,
    /// From one panel to the next.
    stride: usize,
}

impl<'a> Packed<'a> {
    /// What [`pack`] or [`pack_transposed`] left in `data`.
    pub fn new(data: &'a [f32], k: usize, n: usize) -> Packed<'a> {
        Packed { data: &data[..packed_len(k, n)], k, n, stride: k * PANEL }
    }

    /// `count` of the rows, from `start` on.
    pub fn rows(self, start: usize, count: usize) -> Packed<'a> {
        assert!(start + count <= self.k);
        let start = (start * PANEL).min(self.data.len());
        Packed { data: &self.data[start..], k: count, ..self }
    }

    /// `count` of the columns, from `start` on, where a panel begins.
    pub fn columns(self, start: usize, count: usize) -> Packed<'a> {
        assert!(start.is_multiple_of(PANEL) && start + count <= self.n);
        let start = (start / PANEL * self.stride).min(self.data.len());
        Packed { data: &self.data[start..], n: count, ..self }
    }

    /// Where the numbers of `row` lie that belong to a panel.
    #[inline(always)]
    pub(super) fn pointer(&self, row: usize, panel: usize) -> *const f32 {
        self.data.as_ptr().wrapping_add(panel * self.stride + row * PANEL)
    }
}
