//! `a · b` over packed weights.

use super::Weights;
use super::parts::{first, pairs};
use super::registers::{Registers, Unit, WithRegisters};
use super::tile::{DEPTH, Operand, PARTS, Parts, SIDE, Sums, WIDE};
use super::turns::{self, Fresh, LINES, Work};
use crate::exec::cpu::kernels::product::multiply::Product;
use crate::exec::cpu::kernels::product::{Epilogue, Matrix, MatrixMut};
use crate::exec::cpu::kernels::simd::{load_from, prefetch};
use pulp::Simd;
use pulp::x86::V4;
use std::arch::x86_64::{_mm512_loadu_ps, _mm512_maskz_loadu_ps};
use std::cell::RefCell;

thread_local! {
    static PLACES: RefCell<Box<Fresh<PARTS>>> = RefCell::new(Box::new([Parts::ZEROS; _]));
}

/// `product` over weights in parts.
pub fn multiply<'a, E: Epilogue>(unit: Unit, product: Product<'a, E>, b: Weights<'a>) {
    let simd = unit.simd;
    PLACES.with_borrow_mut(|places| match unit.parts {
        1 => {
            // SAFETY: there is room for more of the same plain numbers.
            let places = unsafe { &mut *places.as_mut_ptr().cast::<Fresh<1>>() };
            unit.run(Multiply { simd, product, b, places });
        }
        _ => unit.run(Multiply { simd, product, b, places }),
    });
}

struct Multiply<'p, 'a, E, const P: usize> {
    simd: V4,
    product: Product<'a, E>,
    b: Weights<'a>,
    places: &'p mut Fresh<P>,
}

impl<E: Epilogue, const P: usize> WithRegisters for Multiply<'_, '_, E, P> {
    type Output = ();

    #[inline(always)]
    fn with_registers(self, registers: &mut impl Registers) {
        let Multiply { simd, mut product, b, places } = self;
        let blocks = [product.a.rows, product.out.columns].map(|n| n.div_ceil(WIDE));
        let depth = b.lead + product.a.columns;
        for [start, steps] in turns::parts(depth) {
            let mut part = Part {
                simd,
                a: product.a,
                lead: b.lead,
                start,
                b: b.rows(start * DEPTH),
                product: &mut product,
                adds: start > 0,
                last: (start + steps) * DEPTH >= depth,
            };
            turns::run(registers, &mut part, places, blocks, steps);
        }
    }
}

/// A part of the sums, all of it mostly.
struct Part<'p, 'a, E> {
    simd: V4,
    a: Matrix<'a>,
    /// Zeros before the left side's rows.
    lead: usize,
    /// The first of the steps, of 32 each.
    start: usize,
    b: Weights<'a>,
    product: &'p mut Product<'a, E>,
    /// Whether the sums are added to those of other parts, and whether none are missing then.
    adds: bool,
    last: bool,
}

impl<E: Epilogue, const P: usize> Work<P> for Part<'_, '_, E> {
    #[inline(always)]
    fn room(&self, fresh: usize, ready: usize) -> [usize; 2] {
        [self.a.rows - fresh * WIDE, self.product.out.columns - ready * WIDE]
    }

    #[inline(always)]
    fn operands(&self, fresh: Operand, ready: usize) -> [Operand; 2] {
        [fresh, self.b.columns(ready * WIDE).operand()]
    }

    #[inline(always)]
    fn fill(&mut self, to: &mut Parts<WIDE, P>, fresh: usize, step: usize, turn: usize) {
        let (a, top) = (self.a, fresh * WIDE + LINES * turn);
        let done = (self.start + step) * DEPTH;
        let (before, behind) = (self.lead.saturating_sub(done), a.columns + self.lead - done);
        let from = a.pointer().wrapping_add(top * a.stride + done).wrapping_sub(self.lead);
        let lines = LINES.min(a.rows.saturating_sub(top));
        if lines == LINES && before == 0 && behind >= DEPTH {
            for line in 0..LINES {
                let from = from.wrapping_add(line * a.stride);
                // The next steps of this row.
                prefetch(from.wrapping_add(DEPTH));
                prefetch(from.wrapping_add(DEPTH + SIDE));
                // SAFETY: inside the matrix.
                unsafe {
                    let right = from.wrapping_add(SIDE);
                    let row = pairs([_mm512_loadu_ps(from), _mm512_loadu_ps(right)]);
                    to.put(LINES * turn + line, row);
                }
            }
            return;
        }
        let mask = |at: usize| first(behind.saturating_sub(at)) & !first(before.saturating_sub(at));
        let (left, right) = (mask(0), mask(SIDE));
        for line in 0..lines {
            let from = from.wrapping_add(line * a.stride);
            // SAFETY: inside the matrix; nothing else is read.
            unsafe {
                let left = _mm512_maskz_loadu_ps(left, from);
                let right = _mm512_maskz_loadu_ps(right, from.wrapping_add(SIDE));
                to.put(LINES * turn + line, pairs([left, right]));
            }
        }
    }

    #[inline(always)]
    fn place(&self, fresh: usize, ready: usize) -> (&MatrixMut<'_>, [usize; 2]) {
        (&self.product.out, [fresh * WIDE, ready * WIDE])
    }

    #[inline(always)]
    fn write(&mut self, sums: &Sums, fresh: usize, ready: usize, turn: usize) {
        let (top, left) = (fresh * WIDE + LINES * turn, ready * WIDE);
        let room = self.product.out.columns - left;
        let lines = LINES.min(self.a.rows.saturating_sub(top));
        let sums = &sums.0[LINES * turn..][..LINES];
        let adds = E::ADDS || self.adds;
        if lines == LINES && room >= WIDE && !self.adds && self.last {
            let mut vectors = [[self.simd.splat_f32s(0.0); 2]; LINES];
            for (vectors, sums) in vectors.iter_mut().zip(sums) {
                for (v, vector) in vectors.iter_mut().enumerate() {
                    *vector = load_from(self.simd, sums, v * SIDE, SIDE);
                }
            }
            // SAFETY: rows and columns of the product.
            unsafe {
                self.product.write(self.simd, vectors, [top, left], WIDE, [E::ADDS, true]);
            }
        } else if room > SIDE {
            for (line, sums) in sums.iter().enumerate().take(lines) {
                self.line::<2>(sums, [top + line, left], room, [adds, self.last]);
            }
        } else {
            for (line, sums) in sums.iter().enumerate().take(lines) {
                self.line::<1>(sums, [top + line, left], room, [adds, self.last]);
            }
        }
    }
}

impl<E: Epilogue> Part<'_, '_, E> {
    #[inline(always)]
    fn line<const V: usize>(
        &mut self,
        sums: &[f32; WIDE],
        at: [usize; 2],
        room: usize,
        which: [bool; 2],
    ) {
        let mut vectors = [self.simd.splat_f32s(0.0); V];
        for (v, vector) in vectors.iter_mut().enumerate() {
            *vector = load_from(self.simd, sums, v * SIDE, SIDE);
        }
        // SAFETY: rows and columns of the product.
        unsafe { self.product.write(self.simd, [vectors], at, room, which) };
    }
}
