//! Rows of a head as directions: lengths, panels of them, and the way back through the division.

use super::tile::Rows;
use super::vector::{Part, along, dot};
use pulp::Simd;

/// What a vector shorter than this is divided by instead of its length (as published).
const LEAST_LENGTH: f32 = 1e-12;

/// One over the length of every row.
#[inline(always)]
pub fn inverse_lengths<S: Simd>(simd: S, rows: Rows, inverse: &mut [f32]) {
    let inverse = &mut inverse[..rows.count];
    for (i, to) in inverse.iter_mut().enumerate() {
        *to = dot(simd, rows.row(i), rows.row(i));
    }
    let (one, least) = (simd.splat_f32s(1.0), simd.splat_f32s(LEAST_LENGTH));
    along!(S, inverse.len(), |at, part| {
        let length = simd.sqrt_f32s(part.load(simd, inverse, at));
        let longest = simd.select_f32s(simd.less_than_f32s(length, least), least, length);
        part.store(simd, inverse, at, simd.div_f32s(one, longest));
    });
}

/// Rows times a factor each, as the columns of a panel. The columns beyond them repeat the last.
#[inline(always)]
pub fn as_columns(rows: Rows, factors: &[f32], width: usize, panel: &mut [f32]) {
    let (count, factors) = (rows.count, &factors[..rows.count]);
    // Checks that every row is there.
    let _ = rows.row(count - 1);
    for (k, to) in panel[..rows.depth * width].chunks_exact_mut(width).enumerate() {
        let (to, beyond) = to.split_at_mut(count);
        for (i, (to, factor)) in to.iter_mut().zip(factors).enumerate() {
            // SAFETY: rows up to the last lie in the data, and `k` is below their depth.
            *to = unsafe { *rows.data.get_unchecked(i * rows.stride + k) } * factor;
        }
        beyond.fill(to[count - 1]);
    }
}

/// Rows times a factor each, as the rows of a panel, zeros after them.
#[inline(always)]
pub fn as_rows(rows: Rows, factors: &[f32], width: usize, panel: &mut [f32]) {
    for (i, to) in panel.chunks_exact_mut(width).take(rows.count).enumerate() {
        let (to, rest) = to.split_at_mut(rows.depth);
        to.iter_mut().zip(rows.row(i)).for_each(|(to, &x)| *to = x * factors[i]);
        rest.fill(0.0);
    }
}

/// One column of a panel.
#[inline(always)]
pub fn column(panel: &[f32], width: usize, column: usize, to: &mut [f32]) {
    let panel = &panel[..to.len() * width];
    assert!(column < width);
    for (k, to) in to.iter_mut().enumerate() {
        // SAFETY: the panel has a row for every number of the column.
        *to = unsafe { *panel.get_unchecked(k * width + column) };
    }
}

/// The gradient of a row from that of its direction: `g - row (row · g) / |row|²`, where `g` is the
/// direction's gradient already over the length. Returns `row · g`.
#[inline(always)]
pub fn through_length<S: Simd>(
    simd: S,
    row: &[f32],
    inverse: f32,
    g: &[f32],
    to: &mut [f32],
) -> f32 {
    let along_row = dot(simd, row, g);
    let factor = simd.splat_f32s(-along_row * inverse * inverse);
    along!(S, row.len(), |at, part| {
        let (x, g) = (part.load(simd, row, at), part.load(simd, g, at));
        part.store(simd, to, at, simd.mul_add_e_f32s(x, factor, g));
    });
    along_row
}
