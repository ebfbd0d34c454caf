//! Tiles: eight registers of sixteen rows of 64 bytes.

use std::arch::asm;

/// Rows of a tile, numbers of `f32` in a row, and pairs of bfloat16.
pub const SIDE: usize = 16;
/// Steps of a sum that one instruction takes: a row of bfloat16.
pub const DEPTH: usize = 32;
/// Bytes of a row.
pub const ROW: usize = 64;

/// Parts of a number.
pub const PARTS: usize = 3;

/// A row of a tile of bfloat16.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Row(pub [u16; DEPTH]);

/// The shape of the registers.
#[repr(C, align(64))]
struct Shape {
    palette: u8,
    start: u8,
    reserved: [u8; 14],
    bytes: [u16; 16],
    rows: [u8; 16],
}

static WHOLE: Shape = {
    let (mut bytes, mut rows) = ([0; 16], [0; 16]);
    let mut i = 0;
    while i < 8 {
        bytes[i] = ROW as u16;
        rows[i] = SIDE as u8;
        i += 1;
    }
    Shape { palette: 1, start: 0, reserved: [0; 14], bytes, rows }
};

/// The registers, in use until this is dropped.
pub struct Tiles(());

impl Tiles {
    /// # Safety
    /// The unit is available.
    pub unsafe fn new() -> Tiles {
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const WHOLE, options(nostack, readonly)) };
        Tiles(())
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: there is no `Tiles` without the unit.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}

/// Thirty-two steps of `ROWS` rows or columns of an operand, part by part.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Parts<const ROWS: usize>(pub [[Row; ROWS]; PARTS]);

impl<const ROWS: usize> Parts<ROWS> {
    pub const ZEROS: Self = Parts([[Row([0; DEPTH]); ROWS]; PARTS]);
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
    /// How far the tiles of a part of some steps are from the first ones.
    #[inline(always)]
    fn at(&self, step: usize, part: usize) -> usize {
        self.part * (PARTS * ((self.first + step) & self.mask) + part)
    }
}

/// Rows and columns of a result.
pub const WIDE: usize = 2 * SIDE;

/// Sums of one result.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Sums(pub [[f32; WIDE]; WIDE]);

macro_rules! zero {
    ($tile:literal) => {
        asm!(concat!("tilezero tmm", $tile), options(nostack, nomem, preserves_flags))
    };
}

macro_rules! load {
    ($tile:literal, $from:expr) => {
        asm!(
            concat!("tileloadd tmm", $tile, ", [{} + {} * 1]"),
            in(reg) $from,
            in(reg) ROW,
            options(nostack, readonly, preserves_flags)
        )
    };
}

macro_rules! store {
    ($tile:literal, $to:expr, $stride:expr) => {
        asm!(
            concat!("tilestored [{} + {} * 1], tmm", $tile),
            in(reg) $to,
            in(reg) $stride,
            options(nostack, preserves_flags)
        )
    };
}

macro_rules! add {
    ($sum:literal, $a:literal, $b:literal) => {
        asm!(
            concat!("tdpbf16ps tmm", $sum, ", tmm", $a, ", tmm", $b),
            options(nostack, nomem, preserves_flags)
        )
    };
}

/// Products of parts.
const PRODUCTS: usize = 6;
/// How often in 32 steps of a sum there is time for something else.
pub const TURNS: usize = 16;
/// How often in a product of parts, the last of which has less.
const TURNS_EACH: usize = TURNS.div_ceil(PRODUCTS);

/// Sums of 32 rows of `a` by 32 columns of `b`, or of the first sixteen if these are not `high` or
/// `wide`, over `steps` times 32 steps. `meanwhile` is called with a step and a turn while the unit is
/// at work, to do something else.
///
/// # Safety
/// All tiles can be read.
#[inline(always)]
pub unsafe fn sums(
    _: &Tiles,
    [a, b]: [Operand; 2],
    [high, wide]: [bool; 2],
    steps: usize,
    to: &mut Sums,
    mut meanwhile: impl FnMut(usize, usize),
) {
    // Sums are the registers 0 to 3, `a` has 4 and 5, `b` 6 and 7.
    unsafe {
        zero!(0);
        zero!(1);
        zero!(2);
        zero!(3);
        for step in 0..steps {
            // From the smallest products to the largest, one operand changing at a time.
            const LEFT: [Option<usize>; PRODUCTS] = [Some(2), Some(1), None, Some(0), None, None];
            const RIGHT: [Option<usize>; PRODUCTS] =
                [Some(0), None, Some(1), None, Some(2), Some(0)];
            for product in 0..PRODUCTS {
                let mut turns = TURNS_EACH * product..TURNS.min(TURNS_EACH * (product + 1));
                let mut something = || {
                    if let Some(turn) = turns.next() {
                        meanwhile(step, turn);
                    }
                };
                if let Some(part) = LEFT[product] {
                    let at = a.at(step, part);
                    load!(4, a.halves[0].wrapping_add(at));
                    if high {
                        load!(5, a.halves[1].wrapping_add(at));
                    }
                }
                if let Some(part) = RIGHT[product] {
                    let at = b.at(step, part);
                    load!(6, b.halves[0].wrapping_add(at));
                    if wide {
                        load!(7, b.halves[1].wrapping_add(at));
                    }
                }
                add!(0, 4, 6);
                something();
                if wide {
                    add!(1, 4, 7);
                }
                something();
                if high {
                    add!(2, 5, 6);
                }
                something();
                if high && wide {
                    add!(3, 5, 7);
                }
            }
        }
        let to = to.0.as_mut_ptr().cast::<f32>();
        let at = |row: usize, column: usize| to.wrapping_add(row * SIDE * WIDE + column * SIDE);
        store!(0, at(0, 0), 4 * WIDE);
        store!(1, at(0, 1), 4 * WIDE);
        if high {
            store!(2, at(1, 0), 4 * WIDE);
            store!(3, at(1, 1), 4 * WIDE);
        }
    }
}
