//! What the unit can do, measured with.

use super::registers::{Registers, Unit, WithRegisters};
use super::tile::{DEPTH, PARTS, Parts, Sums, WIDE, sums};
use super::turns::{STEPS, operand};

/// Sums as long as possible and written nowhere; how many multiply-accumulates they stand for. The
/// numbers are unlike each other, as the unit is a quarter faster over zeros.
pub fn peak(unit: Unit) -> usize {
    match unit.parts {
        1 => peak_of::<1>(unit),
        _ => peak_of::<PARTS>(unit),
    }
}

fn peak_of<const P: usize>(unit: Unit) -> usize {
    let mut numbers = [Parts::<WIDE, P>::ZEROS; STEPS];
    let mut bits = 1u32;
    for row in numbers.iter_mut().flat_map(|parts| parts.0.as_flattened_mut()) {
        for number in &mut row.0 {
            bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Of either sign, from one to two.
            let [sign, fraction] = [bits >> 31 << 15, bits >> 16 & 0x7f];
            *number = (sign | 0x3f80 | fraction) as u16;
        }
    }
    unit.run(Peak { numbers })
}

struct Peak<const P: usize> {
    numbers: [Parts<WIDE, P>; STEPS],
}

impl<const P: usize> WithRegisters for Peak<P> {
    type Output = usize;

    #[inline(always)]
    fn with_registers(self, registers: &mut impl Registers) -> usize {
        const ROUNDS: usize = 2048;
        let mut result = Sums([[0.0; WIDE]; WIDE]);
        for _ in 0..ROUNDS {
            let operands = [operand(&self.numbers); 2];
            // SAFETY: the operands are that long.
            unsafe { sums::<P>(registers, operands, [true, true], STEPS, &mut result, |_, _| {}) };
        }
        std::hint::black_box(&result);
        ROUNDS * STEPS * DEPTH * WIDE * WIDE
    }
}
