//! Outlines of generated objects, in a plane where an object reaches about 1 from its center.

use std::f32::consts::{PI, TAU};

use crate::exec::random::Random;

/// Kinds of outline, in the order of classes.
pub const NAMES: [&str; 10] = [
    "disk",
    "bar",
    "triangle",
    "ring",
    "cross",
    "crescent",
    "star",
    "square",
    "hourglass",
    "clover",
];

/// Angles at which the distance of the outline is kept.
const ANGLES: usize = 128;

/// An outline with its own irregularity.
pub struct Outline {
    kind: usize,
    /// Irregular factor of the distance from the center, by diamond angle.
    wobble: [f32; ANGLES],
}

impl Outline {
    /// An outline of a kind below 10 whose distance wobbles by up to about 10 %.
    pub fn new(kind: usize, random: &mut Random) -> Outline {
        let mut waves = [(0.0, 0.0, 0.0); 3];
        for (i, wave) in waves.iter_mut().enumerate() {
            let strength = random.range(0.0, 0.05) as f32;
            *wave = (i as f32 + 2.0, strength, random.range(0.0, f64::from(TAU)) as f32);
        }
        let mut wobble = [1.0; ANGLES];
        for (i, factor) in wobble.iter_mut().enumerate() {
            let angle = turn_to_angle(i as f32 / ANGLES as f32);
            for (k, strength, phase) in waves {
                *factor += strength * (k * angle + phase).cos();
            }
            *factor *= match kind {
                6 => star(angle),
                9 => 0.68 + 0.3 * (3.0 * angle).cos(),
                _ => 1.0,
            };
        }
        Outline { kind, wobble }
    }

    /// Whether a point lies in the object.
    pub fn contains(&self, x: f32, y: f32) -> bool {
        let at = (turn(x, y) * ANGLES as f32) as usize % ANGLES;
        let (u, v) = (x / self.wobble[at], y / self.wobble[at]);
        let square = u * u + v * v;
        match self.kind {
            0 => square < 0.72,
            1 => u.abs() < 0.98 && v.abs() < 0.3,
            2 => v < 0.55 && 1.8 * u.abs() < v + 0.95,
            3 => (0.27..0.95).contains(&square),
            4 => u.abs().min(v.abs()) < 0.26 && u.abs().max(v.abs()) < 0.95,
            5 => square < 0.95 && (u - 0.48) * (u - 0.48) + v * v > 0.5,
            7 => u.abs().max(v.abs()) < 0.72,
            8 => v.abs() < 0.88 && u.abs() < 0.08 + 0.85 * v.abs(),
            _ => square < 1.0,
        }
    }
}

/// Distance of a star with five straight points.
fn star(angle: f32) -> f32 {
    let fifth = TAU / 5.0;
    // From a point (0) to the notch beside it (half a fifth).
    let from_point = ((angle + PI / 2.0).rem_euclid(fifth) - fifth / 2.0).abs();
    let inner = 0.4;
    let (sin, cos) = (fifth / 2.0 - from_point).sin_cos();
    let (notch_sin, notch_cos) = (fifth / 2.0).sin_cos();
    // The line from (1, 0) to the notch, met by a ray.
    let (dx, dy) = (inner * notch_cos - 1.0, inner * notch_sin);
    dy / (dy * cos - dx * sin)
}

/// The direction of a point as a part of a turn in [0, 1), piecewise rational in the angle.
fn turn(x: f32, y: f32) -> f32 {
    let sum = x.abs() + y.abs();
    if sum == 0.0 {
        return 0.0;
    }
    let quarter = y.abs() / sum;
    0.25 * match (x >= 0.0, y >= 0.0) {
        (true, true) => quarter,
        (false, true) => 2.0 - quarter,
        (false, false) => 2.0 + quarter,
        (true, false) => 4.0 - quarter,
    }
}

/// The angle of a [`turn`], in radians.
fn turn_to_angle(turn: f32) -> f32 {
    let quarter = (turn * 4.0) % 1.0;
    (turn * 4.0).floor() * PI / 2.0 + quarter.atan2(1.0 - quarter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::random::Site;

    #[test]
    fn turns_and_angles() {
        for i in 0..100 {
            let part = i as f32 / 100.0;
            let angle = turn_to_angle(part);
            assert!((turn(angle.cos(), angle.sin()) - part).abs() < 1e-4, "{part}");
        }
    }

    /// Each kind covers a fair part of its square, and all differ.
    #[test]
    fn areas() {
        let mut seen: Vec<Vec<bool>> = Vec::new();
        for (kind, name) in NAMES.iter().enumerate() {
            let outline = Outline::new(kind, &mut Random::new(1, 0, 0, Site::Shape));
            let grid = |i: usize| (i as f32 - 19.5) / 18.0;
            let inside: Vec<bool> =
                (0..1600).map(|i| outline.contains(grid(i % 40), grid(i / 40))).collect();
            let area = inside.iter().filter(|&&x| x).count();
            assert!((200..1100).contains(&area), "{name}: {area}");
            for other in &seen {
                let differ = inside.iter().zip(other).filter(|(a, b)| a != b).count();
                assert!(differ > 100, "{name}: {differ}");
            }
            seen.push(inside);
        }
    }
}
