//! Weights in the order in which the product reads them: panels of 32 columns, all rows of a panel
//! one behind the other, the last panel filled up with zeros. Where numbers are of bfloat16, pairs of
//! rows may take the place of rows ([`pairs`](super::pairs)); and where the machine has a matrix unit
//! and the matrix is large enough for it, matrices lie in parts ([`amx`](super::amx)).

use super::Matrix;
#[cfg(target_arch = "x86_64")]
use super::{
    amx,
    pairs::{self, Pairs},
};
#[cfg(target_arch = "x86_64")]
use crate::exec::cpu::kernels::simd;

/// Columns of a panel: two vectors of AVX-512, four of AVX2.
pub const PANEL: usize = 32;

/// Length of a packed `[k, n]` matrix.
pub fn packed_len(k: usize, n: usize) -> usize {
    #[cfg(target_arch = "x86_64")]
    if let Some(unit) = unit(k, n) {
        return amx::packed_len(unit, k, n);
    }
    steps(k) * n.next_multiple_of(PANEL)
}

/// Steps of a sum over `k` numbers where no matrix unit is at work.
fn steps(k: usize) -> usize {
    #[cfg(target_arch = "x86_64")]
    if simd::pairs().is_some() {
        return pairs::count(k);
    }
    k
}

/// The matrix unit, if it is there and worth its while.
#[cfg(target_arch = "x86_64")]
pub(super) fn unit(k: usize, n: usize) -> Option<amx::Unit> {
    const LEAST: usize = 12;
    if k >= LEAST && n >= LEAST { simd::matrix_unit() } else { None }
}

/// Packs `source`, `[k, n]`.
pub fn pack(source: Matrix, to: &mut [f32]) {
    let (k, n) = (source.rows, source.columns);
    #[cfg(target_arch = "x86_64")]
    if let Some(unit) = unit(k, n) {
        return amx::pack(unit, source, to);
    }
    if k == 0 {
        return;
    }
    let panels = to[..packed_len(k, n)].chunks_exact_mut(steps(k) * PANEL);
    let panels = panels.zip((0..n).step_by(PANEL));
    #[cfg(target_arch = "x86_64")]
    if let Some(pairs) = simd::pairs() {
        return pairs.run(
            #[inline(always)]
            || {
                for (panel, left) in panels {
                    // SAFETY: a panel has a row for every pair of rows.
                    unsafe { pairs.down(source, left, PANEL, panel.as_mut_ptr()) };
                }
            },
        );
    }
    for (panel, left) in panels {
        let width = PANEL.min(n - left);
        for (row, to) in panel.chunks_exact_mut(PANEL).enumerate() {
            to[..width].copy_from_slice(source.part(row, left, width));
            to[width..].fill(0.0);
        }
    }
}

/// Packs the transpose of `source`: of `[n, k]`, a `[k, n]` matrix.
pub fn pack_transposed(source: Matrix, to: &mut [f32]) {
    let (n, k) = (source.rows, source.columns);
    #[cfg(target_arch = "x86_64")]
    if let Some(unit) = unit(k, n) {
        return amx::pack_transposed(unit, source, to);
    }
    if k == 0 {
        return;
    }
    let panels = to[..packed_len(k, n)].chunks_exact_mut(steps(k) * PANEL);
    let panels = panels.zip((0..n).step_by(PANEL));
    let rows = |left: usize| source.rows(left, PANEL.min(n - left));
    #[cfg(target_arch = "x86_64")]
    if let Some(pairs) = simd::pairs() {
        let mut room = [[0.0; ACROSS]; PANEL];
        return pairs.run(
            #[inline(always)]
            || {
                for (panel, left) in panels {
                    let rows = rows(left);
                    for (part, top) in panel.chunks_mut(ACROSS * PANEL).zip((0..).step_by(ACROSS)) {
                        let steps = part.len() / PANEL;
                        for (row, to) in room.iter_mut().take(rows.rows).enumerate() {
                            let row = rows.part(row, 0, k);
                            // SAFETY: there is room for a vector.
                            unsafe { pairs.along(row, 0, [top, steps], to.as_mut_ptr()) };
                        }
                        let room = room.as_flattened();
                        lay_across(Matrix::strided(room, rows.rows, steps, ACROSS), part);
                    }
                }
            },
        );
    }
    panels.for_each(|(panel, left)| lay_across(rows(left), panel));
}

/// Rows of a panel written together: few enough to stay in the first cache.
const ACROSS: usize = 16;

/// A panel whose columns are these rows.
#[inline(always)]
fn lay_across(source: Matrix, panel: &mut [f32]) {
    let rows = panel.chunks_mut(ACROSS * PANEL);
    for (rows, top) in rows.zip((0..source.columns).step_by(ACROSS)) {
        let count = rows.len() / PANEL;
        if source.rows < PANEL {
            rows.fill(0.0);
        }
        for column in 0..source.rows {
            let source = source.part(column, top, count);
            for (to, &x) in rows[column..].iter_mut().step_by(PANEL).zip(source) {
                *to = x;
            }
        }
    }
}

/// A packed `[k, n]` matrix, or a part of one.
#[derive(Clone, Copy)]
pub struct Packed<'a> {
    pub k: usize,
    pub n: usize,
    pub(super) layout: Layout<'a>,
}

#[derive(Clone, Copy)]
pub(super) enum Layout<'a> {
    Panels(Panels<'a>),
    /// Rows are pairs. The first of them has a `lead` of the matrix before it in front of its own, and
    /// the last one perhaps a row of the next one: these count times zero, which for what is not finite
    /// is no number.
    #[cfg(target_arch = "x86_64")]
    Pairs {
        pairs: Pairs,
        lead: usize,
        panels: Panels<'a>,
    },
    #[cfg(target_arch = "x86_64")]
    Parts(amx::Unit, amx::Weights<'a>),
}

#[derive(Clone, Copy)]
pub(super) struct Panels<'a> {
    data: &'a [f32],
    /// From one panel to the next.
    stride: usize,
}

impl<'a> Packed<'a> {
    /// What [`pack`] or [`pack_transposed`] left in `data`, all of it.
    pub fn new(data: &'a [f32], k: usize, n: usize) -> Packed<'a> {
        assert_eq!(data.len(), packed_len(k, n));
        #[cfg(target_arch = "x86_64")]
        if let Some(unit) = unit(k, n) {
            return Packed {
                k,
                n,
                layout: Layout::Parts(unit, amx::Weights::new(unit, data, k, n)),
            };
        }
        let panels = Panels { data, stride: steps(k) * PANEL };
        #[cfg(target_arch = "x86_64")]
        if let Some(pairs) = simd::pairs() {
            return Packed { k, n, layout: Layout::Pairs { pairs, lead: 0, panels } };
        }
        Packed { k, n, layout: Layout::Panels(panels) }
    }

    /// `count` of the rows, from `start` on.
    pub fn rows(self, start: usize, count: usize) -> Packed<'a> {
        assert!(start + count <= self.k);
        let layout = match self.layout {
            Layout::Panels(panels) => Layout::Panels(panels.from(start * PANEL)),
            #[cfg(target_arch = "x86_64")]
            Layout::Pairs { pairs, lead, panels } => {
                let start = lead + start;
                Layout::Pairs { pairs, lead: start % 2, panels: panels.from(start / 2 * PANEL) }
            }
            #[cfg(target_arch = "x86_64")]
            Layout::Parts(unit, parts) => Layout::Parts(unit, parts.rows(start)),
        };
        Packed { k: count, layout, ..self }
    }

    /// `count` of the columns, from `start` on, where a panel begins.
    pub fn columns(self, start: usize, count: usize) -> Packed<'a> {
        assert!(start.is_multiple_of(PANEL) && start + count <= self.n);
        let layout = match self.layout {
            Layout::Panels(panels) => Layout::Panels(panels.from(start / PANEL * panels.stride)),
            #[cfg(target_arch = "x86_64")]
            Layout::Pairs { pairs, lead, panels } => {
                let panels = panels.from(start / PANEL * panels.stride);
                Layout::Pairs { pairs, lead, panels }
            }
            #[cfg(target_arch = "x86_64")]
            Layout::Parts(unit, parts) => Layout::Parts(unit, parts.columns(start)),
        };
        Packed { n: count, layout, ..self }
    }
}

impl<'a> Panels<'a> {
    fn from(self, start: usize) -> Panels<'a> {
        Panels { data: &self.data[start.min(self.data.len())..], ..self }
    }

    /// Where the numbers of `row` lie that belong to a panel.
    #[inline(always)]
    pub fn pointer(&self, row: usize, panel: usize) -> *const f32 {
        self.data.as_ptr().wrapping_add(panel * self.stride + row * PANEL)
    }
}
