//! Colors of single pixels.

/// Luma of an 8-bit color by the weights of ITU-R BT.601 in 16-bit fixed point, rounded.
pub fn luma([r, g, b]: [u8; 3]) -> u8 {
    ((u32::from(r) * 19595 + u32::from(g) * 38470 + u32::from(b) * 7471 + 0x8000) >> 16) as u8
}

/// Hue in turns, saturation and value in [0, 1], to red, green and blue in [0, 1].
#[inline(always)]
pub fn from_hsv([hue, saturation, value]: [f32; 3]) -> [f32; 3] {
    let sixth = (hue - hue.floor()) * 6.0;
    let channel = |offset: f32| {
        let k = offset + sixth;
        let k = if k >= 6.0 { k - 6.0 } else { k };
        value - value * saturation * k.min(4.0 - k).clamp(0.0, 1.0)
    };
    [channel(5.0), channel(3.0), channel(1.0)]
}

/// Red, green and blue in [0, 1] to hue in turns [0, 1), saturation and value in [0, 1].
#[inline(always)]
pub fn to_hsv([r, g, b]: [f32; 3]) -> [f32; 3] {
    let value = r.max(g).max(b);
    let spread = value - r.min(g).min(b);
    // Each choice is of numbers that are there, so that vectors can make it.
    let (offset, over) = if value == r {
        (0.0, g - b)
    } else if value == g {
        (2.0, b - r)
    } else {
        (4.0, r - g)
    };
    let hue = (offset + over / spread) / 6.0;
    let hue = if hue < 0.0 { hue + 1.0 } else { hue };
    let gray = spread <= 0.0;
    [if gray { 0.0 } else { hue }, if gray { 0.0 } else { spread / value }, value]
}

/// A color in [0, 1] whose hue is turned.
#[inline(always)]
pub fn turned(color: [f32; 3], turns: f32) -> [f32; 3] {
    let [hue, saturation, value] = to_hsv(color);
    from_hsv([hue + turns, saturation, value])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hsv_and_back() {
        assert_eq!(from_hsv([0.0, 1.0, 1.0]), [1.0, 0.0, 0.0]);
        assert_eq!(to_hsv([0.0, 1.0, 0.0]), [1.0 / 3.0, 1.0, 1.0]);
        for r in 0..6 {
            for g in 0..6 {
                for b in 0..6 {
                    let color = [r, g, b].map(|x| x as f32 / 5.0);
                    let back = from_hsv(to_hsv(color));
                    assert!(color.iter().zip(back).all(|(x, y)| (x - y).abs() < 1e-5), "{color:?}");
                }
            }
        }
    }

    #[test]
    fn luma_of_grays() {
        assert!((0..=255).all(|x| luma([x; 3]) == x));
    }
}
