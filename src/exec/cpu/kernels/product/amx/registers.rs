//! What holds tiles and multiplies them: the matrix unit, or code that does the same.

use super::available;
use super::emulated::Emulated;
use super::tile::{PARTS, ROW, Row, SIDE};
use pulp::NullaryFnOnce;
use pulp::x86::V4;
use std::arch::asm;

/// Eight registers of sixteen rows of 64 bytes.
pub trait Registers {
    /// # Safety
    /// There are registers as long as `self` lives.
    unsafe fn zero<const TILE: usize>(&mut self);

    /// # Safety
    /// Sixteen rows can be read.
    unsafe fn load<const TILE: usize>(&mut self, from: *const Row);

    /// Writes sums, rows of them `stride` bytes apart.
    ///
    /// # Safety
    /// Sixteen rows can be written.
    unsafe fn store<const TILE: usize>(&mut self, to: *mut f32, stride: usize);

    /// Adds the products of sixteen rows of `A` with sixteen columns of `B`, over 32 steps.
    ///
    /// # Safety
    /// As for [`Registers::zero`].
    unsafe fn add<const SUM: usize, const A: usize, const B: usize>(&mut self);
}

/// Which registers there are for this thread.
#[derive(Clone, Copy)]
pub struct Unit {
    pub simd: V4,
    emulated: bool,
    /// Parts of a number: one if what is read is of bfloat16.
    pub parts: usize,
}

impl Unit {
    /// Vectors, to the bits of the matrix unit.
    pub fn emulated(simd: V4) -> Unit {
        Unit { simd, emulated: true, parts: PARTS }
    }

    /// The matrix unit, where there is one.
    pub fn of_the_machine(simd: V4) -> Option<Unit> {
        available().then_some(Unit { simd, emulated: false, parts: PARTS })
    }

    /// For numbers of bfloat16.
    pub fn of_bf16(self) -> Unit {
        Unit { parts: 1, ..self }
    }

    pub fn is_emulated(self) -> bool {
        self.emulated
    }

    /// Does some work, compiled for the vectors that are there as well.
    #[inline(always)]
    pub fn run<W: WithRegisters>(self, work: W) -> W::Output {
        self.simd.vectorize(Run { unit: self, work })
    }
}

/// Work on registers, all of whose callees are `#[inline(always)]`.
pub trait WithRegisters {
    type Output;
    fn with_registers(self, registers: &mut impl Registers) -> Self::Output;
}

struct Run<W> {
    unit: Unit,
    work: W,
}

impl<W: WithRegisters> NullaryFnOnce for Run<W> {
    type Output = W::Output;

    #[inline(always)]
    fn call(self) -> W::Output {
        if self.unit.emulated {
            return self.work.with_registers(&mut Emulated::new(self.unit.simd));
        }
        // SAFETY: a unit that is not emulated is there.
        self.work.with_registers(&mut unsafe { Tiles::new() })
    }
}

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

/// The machine's registers, in use until this is dropped.
struct Tiles(());

impl Tiles {
    /// # Safety
    /// The unit is available.
    unsafe fn new() -> Tiles {
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

impl Registers for Tiles {
    #[inline(always)]
    unsafe fn zero<const TILE: usize>(&mut self) {
        unsafe { asm!("tilezero tmm{}", const TILE, options(nostack, nomem, preserves_flags)) };
    }

    #[inline(always)]
    unsafe fn load<const TILE: usize>(&mut self, from: *const Row) {
        unsafe {
            asm!(
                "tileloadd tmm{}, [{} + {} * 1]",
                const TILE,
                in(reg) from,
                in(reg) ROW,
                options(nostack, readonly, preserves_flags)
            );
        }
    }

    #[inline(always)]
    unsafe fn store<const TILE: usize>(&mut self, to: *mut f32, stride: usize) {
        unsafe {
            asm!(
                "tilestored [{} + {} * 1], tmm{}",
                in(reg) to,
                in(reg) stride,
                const TILE,
                options(nostack, preserves_flags)
            );
        }
    }

    #[inline(always)]
    unsafe fn add<const SUM: usize, const A: usize, const B: usize>(&mut self) {
        unsafe {
            asm!(
                "tdpbf16ps tmm{}, tmm{}, tmm{}",
                const SUM,
                const A,
                const B,
                options(nostack, nomem, preserves_flags)
            );
        }
    }
}
