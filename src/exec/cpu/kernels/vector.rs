//! Rows as vectors with a masked end, functions compiled for every instruction set, the exponential.

use super::simd::{at_most, first};
use pulp::Simd;

/// Declares functions that are compiled once for every instruction set, all of whose callees are
/// `#[inline(always)]`. The first parameter is the instruction set; callers leave it out. References
/// name their lifetime `'a`.
macro_rules! vectorized {
    ($(
        $(#[$attribute:meta])*
        $visibility:vis fn $name:ident<$set:ident>(
            $simd:ident $(, $argument:ident: $type:ty)* $(,)?
        ) $body:block
    )*) => {$(
        $(#[$attribute])*
        #[allow(clippy::too_many_arguments)]
        $visibility fn $name<'a>($($argument: $type),*) {
            #[allow(non_camel_case_types)]
            struct Run<'a>($($type,)* std::marker::PhantomData<&'a ()>);
            impl<'a> pulp::WithSimd for Run<'a> {
                type Output = ();
                #[inline(always)]
                fn with_simd<$set: pulp::Simd>(self, $simd: $set) {
                    let Run($($argument,)* _) = self;
                    $body
                }
            }
            $crate::exec::cpu::kernels::simd::dispatch(Run($($argument,)* std::marker::PhantomData))
        }
    )*};
}
pub(super) use vectorized;

/// A vector of a row: all lanes, or the few left at the row's end.
pub trait Part: Copy {
    /// From `at`; lanes after the end are zero.
    fn load<S: Simd>(self, simd: S, row: &[f32], at: usize) -> S::f32s;
    fn store<S: Simd>(self, simd: S, row: &mut [f32], at: usize, value: S::f32s);
    /// The value with those of another in lanes after the end.
    fn or<S: Simd>(self, simd: S, value: S::f32s, beyond: S::f32s) -> S::f32s;
    /// The value with zeros in lanes after the end.
    #[inline(always)]
    fn keep<S: Simd>(self, simd: S, value: S::f32s) -> S::f32s {
        self.or(simd, value, simd.splat_f32s(0.0))
    }
}

#[derive(Clone, Copy)]
pub struct Whole;

#[derive(Clone, Copy)]
pub struct End(pub usize);

impl Part for Whole {
    #[inline(always)]
    fn load<S: Simd>(self, _: S, row: &[f32], at: usize) -> S::f32s {
        S::as_simd_f32s(&row[at..at + S::F32_LANES]).0[0]
    }

    #[inline(always)]
    fn store<S: Simd>(self, _: S, row: &mut [f32], at: usize, value: S::f32s) {
        S::as_mut_simd_f32s(&mut row[at..at + S::F32_LANES]).0[0] = value;
    }

    #[inline(always)]
    fn or<S: Simd>(self, _: S, value: S::f32s, _: S::f32s) -> S::f32s {
        value
    }
}

impl Part for End {
    #[inline(always)]
    fn load<S: Simd>(self, simd: S, row: &[f32], at: usize) -> S::f32s {
        let row = &row[at..at + self.0];
        // SAFETY: the mask enables exactly the lanes that lie in the slice.
        unsafe { simd.mask_load_ptr_f32s(first(simd, row.len()), row.as_ptr()) }
    }

    #[inline(always)]
    fn store<S: Simd>(self, simd: S, row: &mut [f32], at: usize, value: S::f32s) {
        let row = &mut row[at..at + self.0];
        // SAFETY: the mask enables exactly the lanes that lie in the slice.
        unsafe { simd.mask_store_ptr_f32s(first(simd, row.len()), row.as_mut_ptr(), value) }
    }

    #[inline(always)]
    fn or<S: Simd>(self, simd: S, value: S::f32s, beyond: S::f32s) -> S::f32s {
        simd.select_f32s(first(simd, self.0).mask(), value, beyond)
    }
}

/// Does something for every vector of a row: `along!(S, width, |at, part| ...)`, where `at` counts
/// floats and `part` loads and stores.
macro_rules! along {
    ($set:ident, $width:expr, |$at:ident, $part:ident| $body:expr) => {{
        let width: usize = $width;
        let mut $at = 0;
        let $part = $crate::exec::cpu::kernels::vector::Whole;
        while $at + $set::F32_LANES <= width {
            $body;
            $at += $set::F32_LANES;
        }
        if $at < width {
            let $part = $crate::exec::cpu::kernels::vector::End(width - $at);
            $body;
        }
    }};
}
pub(super) use along;

/// Which lanes hold, the first one in the lowest bit.
#[inline(always)]
pub fn bits<S: Simd>(simd: S, mask: S::m32s) -> u64 {
    if size_of::<S::m32s>() == 2 {
        return u64::from(pulp::bytemuck::cast::<_, u16>(mask));
    }
    let lanes = simd.select_u32s(mask, simd.splat_u32s(1), simd.splat_u32s(0));
    let lanes: &[u32] = pulp::bytemuck::cast_slice(std::slice::from_ref(&lanes));
    lanes.iter().rev().fold(0, |bits, &lane| bits << 1 | u64::from(lane))
}

/// `to += x * factor`
#[inline(always)]
pub fn add_scaled<S: Simd>(simd: S, to: &mut [f32], x: &[f32], factor: f32) {
    let factor = simd.splat_f32s(factor);
    along!(S, to.len(), |at, part| {
        let x = part.load(simd, x, at);
        part.store(simd, to, at, simd.mul_add_e_f32s(x, factor, part.load(simd, to, at)));
    });
}

/// `to = x * factor`
#[inline(always)]
pub fn scaled<S: Simd>(simd: S, to: &mut [f32], x: &[f32], factor: f32) {
    let factor = simd.splat_f32s(factor);
    along!(S, to.len(), |at, part| {
        part.store(simd, to, at, simd.mul_f32s(part.load(simd, x, at), factor));
    });
}

/// The sum of `a * b`.
#[inline(always)]
pub fn dot<S: Simd>(simd: S, a: &[f32], b: &[f32]) -> f32 {
    let mut sum = simd.splat_f32s(0.0);
    along!(S, a.len(), |at, part| {
        sum = simd.mul_add_e_f32s(part.load(simd, a, at), part.load(simd, b, at), sum);
    });
    simd.reduce_sum_f32s(sum)
}

/// `e^x`, within two units in the last place; 1.2e-38 below -87.3, and at most 2.4e38.
#[inline(always)]
pub fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let least = simd.splat_f32s(-87.33);
    let x = simd.select_f32s(simd.less_than_f32s(x, least), least, x);
    exp_within(simd, at_most(simd, x, 88.37))
}

/// The same where `x` is not above zero, or hardly.
#[inline(always)]
pub fn exp_of_negative<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let least = simd.splat_f32s(-87.33);
    exp_within(simd, simd.select_f32s(simd.less_than_f32s(x, least), least, x))
}

#[inline(always)]
fn exp_within<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let splat = |value| simd.splat_f32s(value);
    // x = n ln 2 + r. The sum's last bits are n + 127, the exponent of 2^n.
    let shift = splat(12_582_912.0 + 127.0);
    let sum = simd.mul_add_e_f32s(x, splat(std::f32::consts::LOG2_E), shift);
    let n = simd.sub_f32s(sum, shift);
    let r = simd.mul_add_e_f32s(n, splat(-0.693_359_4), x);
    let r = simd.mul_add_e_f32s(n, splat(2.121_944_4e-4), r);
    let power = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(sum), simd.splat_u32s(23));
    let mut p = splat(0.001_381_465_1);
    for c in [0.008_368_715, 0.041_668_385, 0.166_665_21, 0.499_999_94, 1.0, 1.0] {
        p = simd.mul_add_e_f32s(p, r, splat(c));
    }
    simd.mul_f32s(p, simd.transmute_f32s_u32s(power))
}

/// `1 / (1 + e^-x)`
#[inline(always)]
pub fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    simd.div_f32s(one, simd.add_f32s(one, exp(simd, simd.neg_f32s(x))))
}
