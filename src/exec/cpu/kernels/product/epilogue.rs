//! What becomes of a sum before it is written.

use super::Matrix;
use crate::exec::cpu::kernels::gelu;
use crate::exec::cpu::kernels::simd::load_from;
use pulp::Simd;

/// A function of every element of a product.
pub trait Epilogue: Copy {
    /// Whether the product is first added to what the result holds.
    const ADDS: bool = false;

    /// `sum` holds `lanes` elements of `row`, from `column` on.
    fn apply<S: Simd>(
        self,
        simd: S,
        sum: S::f32s,
        row: usize,
        column: usize,
        lanes: usize,
    ) -> S::f32s;
}

/// The product itself.
#[derive(Clone, Copy)]
pub struct Store;

/// Added to what is there.
#[derive(Clone, Copy)]
pub struct Add;

/// Plus a bias per column.
#[derive(Clone, Copy)]
pub struct Bias<'a>(pub &'a [f32]);

/// GELU of the sum with a bias per column.
#[derive(Clone, Copy)]
pub struct BiasGelu<'a>(pub &'a [f32]);

/// Times another matrix, element by element.
#[derive(Clone, Copy)]
pub struct Times<'a>(pub Matrix<'a>);

impl Epilogue for Store {
    #[inline(always)]
    fn apply<S: Simd>(self, _: S, sum: S::f32s, _: usize, _: usize, _: usize) -> S::f32s {
        sum
    }
}

impl Epilogue for Add {
    const ADDS: bool = true;

    #[inline(always)]
    fn apply<S: Simd>(self, _: S, sum: S::f32s, _: usize, _: usize, _: usize) -> S::f32s {
        sum
    }
}

impl Epilogue for Bias<'_> {
    #[inline(always)]
    fn apply<S: Simd>(
        self,
        simd: S,
        sum: S::f32s,
        _: usize,
        column: usize,
        lanes: usize,
    ) -> S::f32s {
        simd.add_f32s(sum, load_from(simd, self.0, column, lanes))
    }
}

impl Epilogue for BiasGelu<'_> {
    #[inline(always)]
    fn apply<S: Simd>(
        self,
        simd: S,
        sum: S::f32s,
        _: usize,
        column: usize,
        lanes: usize,
    ) -> S::f32s {
        gelu::value(simd, simd.add_f32s(sum, load_from(simd, self.0, column, lanes)))
    }
}

impl Epilogue for Times<'_> {
    #[inline(always)]
    fn apply<S: Simd>(
        self,
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
