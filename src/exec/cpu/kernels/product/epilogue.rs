//! What becomes of a sum before it is written.

use super::{Matrix, MatrixMut};
use crate::exec::cpu::kernels::gelu;
use crate::exec::cpu::kernels::simd::{load_from, store_to};
use pulp::Simd;

/// A function of every element of a product.
pub trait Epilogue {
    /// Whether the product is first added to what the result holds.
    const ADDS: bool = false;

    /// Whether a number per column is added first.
    const BIASED: bool = false;

    /// These numbers, from `column` on.
    #[inline(always)]
    fn bias<S: Simd>(&self, simd: S, column: usize, lanes: usize) -> S::f32s {
        let _ = (column, lanes);
        simd.splat_f32s(0.0)
    }

    /// `sum`, the bias included, holds `lanes` elements of `row`, from `column` on.
    fn apply<S: Simd>(
        &mut self,
        simd: S,
        sum: S::f32s,
        row: usize,
        column: usize,
        lanes: usize,
    ) -> S::f32s;
}

/// The product itself.
pub struct Store;

/// Added to what is there.
pub struct Add;

/// Plus a number per column, then something else.
pub struct Biased<'a, E>(pub &'a [f32], pub E);

/// GELU.
pub struct Gelu;

/// GELU, its derivative beside it.
pub struct GeluSlope<'a>(pub MatrixMut<'a>);

/// Times another matrix, element by element.
pub struct Times<'a>(pub Matrix<'a>);

impl Epilogue for Store {
    #[inline(always)]
    fn apply<S: Simd>(&mut self, _: S, sum: S::f32s, _: usize, _: usize, _: usize) -> S::f32s {
        sum
    }
}

impl Epilogue for Add {
    const ADDS: bool = true;

    #[inline(always)]
    fn apply<S: Simd>(&mut self, _: S, sum: S::f32s, _: usize, _: usize, _: usize) -> S::f32s {
        sum
    }
}

impl<E: Epilogue> Epilogue for Biased<'_, E> {
    const ADDS: bool = E::ADDS;
    const BIASED: bool = true;

    #[inline(always)]
    fn bias<S: Simd>(&self, simd: S, column: usize, lanes: usize) -> S::f32s {
        load_from(simd, self.0, column, lanes)
    }

    #[inline(always)]
    fn apply<S: Simd>(
        &mut self,
        simd: S,
        sum: S::f32s,
        row: usize,
        column: usize,
        lanes: usize,
    ) -> S::f32s {
        self.1.apply(simd, sum, row, column, lanes)
    }
}

impl Epilogue for Gelu {
    #[inline(always)]
    fn apply<S: Simd>(&mut self, simd: S, sum: S::f32s, _: usize, _: usize, _: usize) -> S::f32s {
        gelu::value(simd, sum)
    }
}

impl Epilogue for GeluSlope<'_> {
    #[inline(always)]
    fn apply<S: Simd>(
        &mut self,
        simd: S,
        sum: S::f32s,
        row: usize,
        column: usize,
        lanes: usize,
    ) -> S::f32s {
        let (value, slope) = gelu::value_and_slope(simd, sum);
        let lanes = lanes.min(S::F32_LANES);
        store_to(simd, self.0.part(row, column, lanes), slope);
        value
    }
}

impl Epilogue for Times<'_> {
    #[inline(always)]
    fn apply<S: Simd>(
        &mut self,
        simd: S,
        sum: S::f32s,
        row: usize,
        column: usize,
        lanes: usize,
    ) -> S::f32s {
        let lanes = lanes.min(S::F32_LANES);
        simd.mul_f32s(sum, load_from(simd, self.0.part(row, column, lanes), 0, lanes))
    }
}
