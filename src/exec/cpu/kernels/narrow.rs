//! Numbers rounded to what a narrower format stores; they stay `f32`.

use super::vector::{Part, along, vectorized};
use crate::graph::Precision;
use pulp::Simd;

/// Rounds to nearest, ties to even, beyond the largest number to infinity, as a GPU's conversion does.
pub fn narrow(precision: Precision, xs: &mut [f32]) {
    match precision {
        Precision::F32 => {}
        Precision::Bf16 => bf16(xs),
        Precision::F16 => f16(xs),
    }
}

vectorized! {
    fn bf16<S>(simd, xs: &'a mut [f32]) {
        along!(S, xs.len(), |at, part| {
            let x = part.load(simd, xs, at);
            part.store(simd, xs, at, number(simd, x, shortened::<S, 16>(simd, x)));
        });
    }

    fn f16<S>(simd, xs: &'a mut [f32]) {
        let splat = |value| simd.splat_f32s(value);
        let (least, beyond) = (splat(6.103_515_6e-5), splat(65536.0));
        let (half, infinity) = (splat(0.5), splat(f32::INFINITY));
        along!(S, xs.len(), |at, part| {
            let x = part.load(simd, xs, at);
            let size = simd.abs_f32s(x);
            let normal = shortened::<S, 13>(simd, size);
            let normal = simd.select_f32s(simd.less_than_f32s(normal, beyond), normal, infinity);
            // Below the least normal number all lie 2^-24 apart, as floats from 1/2 on do.
            let small = simd.sub_f32s(simd.add_f32s(size, half), half);
            let size = simd.select_f32s(simd.less_than_f32s(size, least), small, normal);
            let sign = simd.and_f32s(x, splat(-0.0));
            part.store(simd, xs, at, number(simd, x, simd.or_f32s(size, sign)));
        });
    }
}

/// Without the last `BITS` bits of the significand, to nearest, ties to even. What overflows becomes
/// infinite, as the exponent stands above the significand; of no number it makes nonsense.
#[inline(always)]
fn shortened<S: Simd, const BITS: u32>(simd: S, x: S::f32s) -> S::f32s {
    let splat = |bits| simd.splat_u32s(bits);
    let bits = simd.transmute_u32s_f32s(x);
    let odd = simd.and_u32s(simd.wrapping_dyn_shr_u32s(bits, splat(BITS)), splat(1));
    let up = simd.add_u32s(odd, splat((1 << (BITS - 1)) - 1));
    let kept = simd.and_u32s(simd.add_u32s(bits, up), splat(u32::MAX << BITS));
    simd.transmute_f32s_u32s(kept)
}

/// `rounded`, or `x` itself where that is no number.
#[inline(always)]
fn number<S: Simd>(simd: S, x: S::f32s, rounded: S::f32s) -> S::f32s {
    simd.select_f32s(simd.equal_f32s(x, x), rounded, x)
}
