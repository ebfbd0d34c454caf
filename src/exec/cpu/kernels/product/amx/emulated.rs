//! The matrix unit's arithmetic on vectors: its bits where there is no such unit, at a small part of
//! its speed.
//!
//! An instruction sums the even and the odd steps of 32, adds one sum to the other and both to what was
//! there; every operation rounds to the nearest, and what lies below 2^-126 counts as zero, as operand
//! and as result (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, TDPBF16PS).

use super::registers::Registers;
use super::tile::{Row, SIDE};
use pulp::x86::V4;
use std::arch::x86_64::*;

/// A register: rows of sums, or of pairs of bfloat16.
type Tile = [__m512; SIDE];

pub struct Emulated {
    tiles: [Tile; 8],
}

impl Emulated {
    /// With it, the instructions used here are there.
    #[inline(always)]
    pub fn new(_: V4) -> Emulated {
        // SAFETY: they are.
        Emulated { tiles: [[unsafe { _mm512_setzero_ps() }; SIDE]; 8] }
    }
}

impl Registers for Emulated {
    #[inline(always)]
    unsafe fn zero<const TILE: usize>(&mut self) {
        self.tiles[TILE] = [unsafe { _mm512_setzero_ps() }; SIDE];
    }

    #[inline(always)]
    unsafe fn load<const TILE: usize>(&mut self, from: *const Row) {
        for (i, row) in self.tiles[TILE].iter_mut().enumerate() {
            *row = unsafe { _mm512_loadu_ps(from.wrapping_add(i).cast()) };
        }
    }

    #[inline(always)]
    unsafe fn store<const TILE: usize>(&mut self, to: *mut f32, stride: usize) {
        for (i, &row) in self.tiles[TILE].iter().enumerate() {
            unsafe { _mm512_storeu_ps(to.wrapping_byte_add(i * stride), row) };
        }
    }

    #[inline(always)]
    unsafe fn add<const SUM: usize, const A: usize, const B: usize>(&mut self) {
        let (a, b) = (self.tiles[A], self.tiles[B]);
        unsafe { add(&mut self.tiles[SUM], &a, &b) };
    }
}

/// A row of `a` is pairs of steps, a row of `b` a pair of steps of sixteen columns.
#[target_feature(enable = "avx512f")]
fn add(sums: &mut Tile, a: &Tile, b: &Tile) {
    let b = b.map(|row| halves(row));
    for (sum, &row) in sums.iter_mut().zip(a) {
        // SAFETY: a vector is sixteen numbers.
        let [even, odd]: [[f32; SIDE]; 2] = unsafe { std::mem::transmute(halves(row)) };
        let mut parts = [_mm512_setzero_ps(); 2];
        for (k, b) in b.iter().enumerate() {
            for (part, (a, &b)) in parts.iter_mut().zip([even[k], odd[k]].into_iter().zip(b)) {
                *part = normal(_mm512_fmadd_ps(_mm512_set1_ps(a), b, *part));
            }
        }
        let more = normal(_mm512_add_ps(parts[0], parts[1]));
        *sum = normal(_mm512_add_ps(*sum, more));
    }
}

/// The first and the second of sixteen pairs of bfloat16.
#[target_feature(enable = "avx512f")]
fn halves(pairs: __m512) -> [__m512; 2] {
    let pairs = _mm512_castps_si512(pairs);
    let upper = _mm512_and_si512(pairs, _mm512_set1_epi32(!0xffff));
    [_mm512_slli_epi32::<16>(pairs), upper].map(|half| normal(_mm512_castsi512_ps(half)))
}

/// Zero for what lies below the least normal number.
#[target_feature(enable = "avx512f")]
fn normal(x: __m512) -> __m512 {
    let least = _mm512_set1_ps(f32::MIN_POSITIVE);
    let tiny = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(_mm512_abs_ps(x), least);
    _mm512_mask_mov_ps(x, tiny, _mm512_setzero_ps())
}
