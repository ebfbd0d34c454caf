//! What the unit can do, measured with.

use super::tile::{Parts, Sums, Tiles, WIDE, sums};
use super::turns::{STEPS, operand};

/// Sums of zeros, as long as possible and written nowhere; how many multiply-accumulates of `f32` they
/// stand for.
pub fn peak() -> usize {
    const ROUNDS: usize = 2048;
    let zeros = [Parts::<WIDE>::ZEROS; STEPS];
    let mut result = Sums([[0.0; WIDE]; WIDE]);
    // SAFETY: who asks for this has found the unit; the operands are that long.
    unsafe {
        let tiles = Tiles::new();
        for _ in 0..ROUNDS {
            let operands = [operand(&zeros); 2];
            sums(&tiles, operands, [true, true], STEPS, &mut result, |_, _| {});
        }
    }
    std::hint::black_box(&result);
    ROUNDS * STEPS * 32 * WIDE * WIDE
}
