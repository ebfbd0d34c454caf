//! Tiles, and sums of products of them.

use super::registers::Registers;

/// Rows of a tile, numbers of `f32` in a row, and pairs of bfloat16.
pub const SIDE: usize = 16;
/// Steps of a sum that one instruction takes: a row of bfloat16.
pub const DEPTH: usize = 32;
/// Bytes of a row.
pub const ROW: usize = 64;

/// Parts of a number of `f32`. One of bfloat16 has one.
pub const PARTS: usize = 3;

/// A row of a tile of bfloat16.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Row(pub [u16; DEPTH]);

/// Thirty-two steps of `ROWS` rows or columns of an operand, part by part of numbers that have `P`.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Parts<const ROWS: usize, const P: usize>(pub [[Row; ROWS]; P]);

impl<const ROWS: usize, const P: usize> Parts<ROWS, P> {
    pub const ZEROS: Self = Parts([[Row([0; DEPTH]); ROWS]; P]);
}

/// Thirty-two rows or columns of an operand.
#[derive(Clone, Copy)]
pub struct Operand {
    /// Where the first part of the first place begins, of either half.
    pub halves: [*const Row; 2],
    /// Rows of tiles from part to part. Places for 32 steps each lie one behind the other.
    pub part: usize,
    /// The first steps are at place `first & mask`, and so on.
    pub first: usize,
    pub mask: usize,
}

impl Operand {
    /// How far the tiles of a part of some steps are from the first ones, of numbers of `P` parts.
    #[inline(always)]
    fn at<const P: usize>(&self, step: usize, part: usize) -> usize {
        self.part * (P * ((self.first + step) & self.mask) + part)
    }
}

/// Rows and columns of a result.
pub const WIDE: usize = 2 * SIDE;

/// Sums of one result.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Sums(pub [[f32; WIDE]; WIDE]);

/// Products of parts, left and right, from the smallest to the largest; what is not told is that of
/// the product before.
type Products = [[Option<usize>; 2]];
const SIX: &Products = &[
    [Some(2), Some(0)],
    [Some(1), None],
    [None, Some(1)],
    [Some(0), None],
    [None, Some(2)],
    [None, Some(0)],
];
/// Where a number is one part.
const ONE: &Products = &[[Some(0), Some(0)]];

/// How often in 32 steps of a sum there is time for something else.
pub const TURNS: usize = 16;
/// Gaps of a product of parts, in which that time is.
const GAPS: usize = 3;

/// Sums of 32 rows of `a` by 32 columns of `b`, or of the first sixteen if these are not `high` or
/// `wide`, over `steps` times 32 steps. `meanwhile` is called with a step and a turn while the unit is
/// at work, to do something else.
///
/// # Safety
/// All tiles can be read, and there are registers.
#[inline(always)]
pub unsafe fn sums<const P: usize>(
    registers: &mut impl Registers,
    [a, b]: [Operand; 2],
    [high, wide]: [bool; 2],
    steps: usize,
    to: &mut Sums,
    mut meanwhile: impl FnMut(usize, usize),
) {
    // Sums are the registers 0 to 3, `a` has 4 and 5, `b` 6 and 7.
    unsafe {
        registers.zero::<0>();
        registers.zero::<1>();
        registers.zero::<2>();
        registers.zero::<3>();
        let products = const {
            assert!(P == 1 || P == PARTS);
            if P == 1 { ONE } else { SIX }
        };
        let each = const { TURNS.div_ceil(GAPS * if P == 1 { ONE.len() } else { SIX.len() }) };
        for step in 0..steps {
            let mut turns = 0..TURNS;
            let mut something = || {
                for turn in turns.by_ref().take(each) {
                    meanwhile(step, turn);
                }
            };
            for [left, right] in products {
                if let Some(part) = *left {
                    let at = a.at::<P>(step, part);
                    registers.load::<4>(a.halves[0].wrapping_add(at));
                    if high {
                        registers.load::<5>(a.halves[1].wrapping_add(at));
                    }
                }
                if let Some(part) = *right {
                    let at = b.at::<P>(step, part);
                    registers.load::<6>(b.halves[0].wrapping_add(at));
                    if wide {
                        registers.load::<7>(b.halves[1].wrapping_add(at));
                    }
                }
                registers.add::<0, 4, 6>();
                something();
                if wide {
                    registers.add::<1, 4, 7>();
                }
                something();
                if high {
                    registers.add::<2, 5, 6>();
                }
                something();
                if high && wide {
                    registers.add::<3, 5, 7>();
                }
            }
        }
        let to = to.0.as_mut_ptr().cast::<f32>();
        let at = |row: usize, column: usize| to.wrapping_add(row * SIDE * WIDE + column * SIDE);
        registers.store::<0>(at(0, 0), 4 * WIDE);
        registers.store::<1>(at(0, 1), 4 * WIDE);
        if high {
            registers.store::<2>(at(1, 0), 4 * WIDE);
            registers.store::<3>(at(1, 1), 4 * WIDE);
        }
    }
}
