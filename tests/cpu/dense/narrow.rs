//! Rounding to formats of 16 bits, beside the `half` crate.

use super::everywhere;
use cluec::exec::cpu::kernels::narrow::narrow;
use cluec::graph::Precision;
use half::{bf16, f16};

/// Around every number of a format: itself, the middle to the next, and the neighbors of both.
fn around(stored: impl Fn(u16) -> f32, last: u16) -> Vec<f32> {
    let near =
        |x: f32| [-1, 0, 1].map(|by: i32| f32::from_bits(x.to_bits().wrapping_add_signed(by)));
    let mut numbers = Vec::new();
    for bits in 0..last {
        let [this, next] = [bits, bits + 1].map(&stored);
        let middle = if next.is_finite() { this + (next - this) / 2.0 } else { this };
        for x in near(this).into_iter().chain(near(middle)) {
            numbers.extend([x, -x]);
        }
    }
    let none = [f32::NAN, f32::from_bits(0x7f80_0001), f32::from_bits(0xff80_0001)];
    let edge = [65504.0, 65519.996, 65520.0, 65536.0, 1e9, f32::MAX, f32::INFINITY];
    numbers.extend(none.into_iter().chain(edge).chain(edge.map(|x| -x)));
    numbers
}

#[test]
fn numbers_are_rounded_as_the_formats_say() {
    let half = |x: f32| f16::from_f32(x).to_f32();
    let brain = |x: f32| bf16::from_f32(x).to_f32();
    let half_numbers = around(|bits| f16::from_bits(bits).to_f32(), 0x7c00);
    let brain_numbers = around(|bits| bf16::from_bits(bits).to_f32(), 0x7f80);
    everywhere(|arch| {
        let check = |precision, numbers: &[f32], round: &dyn Fn(f32) -> f32| {
            let mut found = numbers.to_vec();
            narrow(precision, &mut found);
            for (&x, found) in numbers.iter().zip(found) {
                let same = match x.is_nan() {
                    true => found.is_nan(),
                    false => found.to_bits() == round(x).to_bits(),
                };
                assert!(same, "{arch}, {precision:?}: {x:e} became {found:e}, not {:e}", round(x));
            }
        };
        check(Precision::F16, &half_numbers, &half);
        check(Precision::Bf16, &brain_numbers, &brain);
        check(Precision::F32, &half_numbers, &|x| x);
    });
}
