//! Numbers as sums of three of bfloat16, or as the nearest one, in the order in which the unit reads
//! them.
//!
//! A row of a tile is 32 steps of a row of the left side, or two steps of sixteen columns of the right
//! side: pairs of numbers. The two of a pair are sixteen steps apart, on either side, so that the left
//! side is two vectors and nothing is moved within them.

use super::tile::{PARTS, Parts, Row, SIDE};
use std::arch::x86_64::*;

/// `P` numbers of bfloat16 for every one of sixteen, each the upper half of a lane; what stands in the lower
/// half is of none. One is the nearest, ties to even; the sum of three is the number.
#[inline(always)]
unsafe fn split<const P: usize>(x: __m512) -> [__m512i; P] {
    let mut parts = [unsafe { _mm512_setzero_si512() }; P];
    match P {
        1 => parts[0] = unsafe { nearest(x) },
        _ => parts.copy_from_slice(&unsafe { three(x) }),
    }
    parts
}

/// The nearest number of bfloat16.
#[inline(always)]
unsafe fn nearest(x: __m512) -> __m512i {
    unsafe {
        let bits = _mm512_castps_si512(x);
        let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
        let up = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
        // What is no number would be another one.
        let none = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(x, x);
        let up = _mm512_mask_mov_epi32(up, none, bits);
        _mm512_and_si512(up, _mm512_set1_epi32(!0xffff))
    }
}

/// Three whose sum is the number, but for bits below the least normal one. The first is the nearest, so that
/// what is left has either sign; the second is cut off.
#[inline(always)]
unsafe fn three(x: __m512) -> [__m512i; PARTS] {
    unsafe {
        let upper = _mm512_set1_epi32(!0xffff);
        let up = _mm512_add_epi32(_mm512_castps_si512(x), _mm512_set1_epi32(0x8000));
        let first = _mm512_and_si512(up, upper);
        let rest = _mm512_sub_ps(x, _mm512_castsi512_ps(first));
        let second = _mm512_and_si512(_mm512_castps_si512(rest), upper);
        let third = _mm512_sub_ps(rest, _mm512_castsi512_ps(second));
        [first, second, _mm512_castps_si512(third)]
    }
}

/// A row of a tile, part by part: of 32 steps of a row, or of sixteen columns in two steps.
#[inline(always)]
pub unsafe fn pairs<const P: usize>([first, second]: [__m512; 2]) -> [__m512i; P] {
    unsafe {
        let (mut pairs, second) = (split(first), split::<P>(second));
        for (first, second) in pairs.iter_mut().zip(second) {
            *first = pair(*first, second);
        }
        pairs
    }
}

/// The upper halves of two vectors, side by side.
#[inline(always)]
unsafe fn pair(first: __m512i, second: __m512i) -> __m512i {
    // Of `a`, `b` and `c`, `a` or else what `b` and `c` share.
    const UPPER_OF_B: i32 = 0xf8;
    unsafe {
        let upper = _mm512_set1_epi32(!0xffff);
        _mm512_ternarylogic_epi32::<UPPER_OF_B>(_mm512_srli_epi32::<16>(first), second, upper)
    }
}

impl<const ROWS: usize, const P: usize> Parts<ROWS, P> {
    /// Takes a row of every part.
    #[inline(always)]
    pub fn put(&mut self, line: usize, row: [__m512i; P]) {
        for (part, row) in self.0.iter_mut().zip(row) {
            // SAFETY: both are 64 bytes of plain numbers.
            part[line] = unsafe { std::mem::transmute::<__m512i, Row>(row) };
        }
    }

    /// Takes sixteen rows of every part, from row `first` on: the columns of what `rows` gives, two
    /// vectors a row.
    ///
    /// # Safety
    /// The instructions are there.
    #[inline(always)]
    pub unsafe fn put_transposed(&mut self, first: usize, rows: impl Fn(usize) -> [__m512; 2]) {
        let mut left = [unsafe { _mm512_setzero_ps() }; SIDE];
        let mut right = left;
        for (line, (left, right)) in left.iter_mut().zip(&mut right).enumerate() {
            [*left, *right] = rows(line);
        }
        let (left, right) = unsafe { (transpose(left), transpose(right)) };
        for (line, (left, right)) in left.into_iter().zip(right).enumerate() {
            self.put(first + line, unsafe { pairs([left, right]) });
        }
    }
}

/// Columns become rows.
#[inline(always)]
pub unsafe fn transpose(rows: [__m512; SIDE]) -> [__m512; SIDE] {
    unsafe {
        let mut t = [_mm512_setzero_pd(); SIDE];
        for i in 0..SIDE / 2 {
            let [even, odd] = [rows[2 * i], rows[2 * i + 1]];
            t[2 * i] = _mm512_castps_pd(_mm512_unpacklo_ps(even, odd));
            t[2 * i + 1] = _mm512_castps_pd(_mm512_unpackhi_ps(even, odd));
        }
        let mut u = t;
        for i in 0..SIDE / 4 {
            u[4 * i] = _mm512_unpacklo_pd(t[4 * i], t[4 * i + 2]);
            u[4 * i + 1] = _mm512_unpackhi_pd(t[4 * i], t[4 * i + 2]);
            u[4 * i + 2] = _mm512_unpacklo_pd(t[4 * i + 1], t[4 * i + 3]);
            u[4 * i + 3] = _mm512_unpackhi_pd(t[4 * i + 1], t[4 * i + 3]);
        }
        // Now lane group `g` of `u[4 i + c]` is column `4 g + c` of rows `4 i..4 i + 4`.
        let mut out = rows;
        for c in 0..4 {
            let [a, b] = [_mm512_castpd_ps(u[c]), _mm512_castpd_ps(u[4 + c])];
            let [low, high] =
                [_mm512_shuffle_f32x4::<0x88>(a, b), _mm512_shuffle_f32x4::<0xdd>(a, b)];
            let [a, b] = [_mm512_castpd_ps(u[8 + c]), _mm512_castpd_ps(u[12 + c])];
            let [low2, high2] =
                [_mm512_shuffle_f32x4::<0x88>(a, b), _mm512_shuffle_f32x4::<0xdd>(a, b)];
            out[c] = _mm512_shuffle_f32x4::<0x88>(low, low2);
            out[8 + c] = _mm512_shuffle_f32x4::<0xdd>(low, low2);
            out[4 + c] = _mm512_shuffle_f32x4::<0x88>(high, high2);
            out[12 + c] = _mm512_shuffle_f32x4::<0xdd>(high, high2);
        }
        out
    }
}

/// A mask of the first `lanes` of a vector.
#[inline(always)]
pub fn first(lanes: usize) -> u16 {
    ((1u32 << lanes.min(SIDE)) - 1) as u16
}
