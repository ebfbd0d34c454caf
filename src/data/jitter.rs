//! Random changes of color, as torchvision's `ColorJitter` makes them on 8-bit images.

use super::color::{luma, turned};
use super::image::Image;
use crate::exec::cpu::kernels::simd::dispatch;
use crate::exec::random::Random;
use pulp::{Simd, WithSimd};

/// Changes brightness, contrast and saturation by factors within 1 +- their strengths and hue by an
/// angle within +- its strength in turns, in random order.
pub fn jitter(image: &mut Image, strengths: [f64; 4], mut random: Random) {
    let mut order = [0, 1, 2, 3];
    random.permute(&mut order);
    // All four are drawn whatever the strengths, so setting one does not move another.
    let drawn = strengths.map(|_| random.uniform());
    for what in order {
        let (strength, x) = (strengths[what], drawn[what]);
        if strength == 0.0 {
            continue;
        }
        let low = (1.0 - strength).max(0.0);
        let factor = (low + (1.0 + strength - low) * x) as f32;
        match what {
            0 => brightness(image, factor),
            1 => contrast(image, factor),
            2 => saturation(image, factor),
            _ => hue(image, (strength * (2.0 * x - 1.0)) as f32),
        }
    }
}

/// From `base` (factor 0) to `x` (factor 1) and beyond, truncated to 8 bits.
#[inline(always)]
fn blend(base: u8, x: u8, factor: f32) -> u8 {
    whole((f32::from(base) + factor * (f32::from(x) - f32::from(base))).clamp(0.0, 255.0).floor())
}

pub fn brightness(image: &mut Image, factor: f32) {
    toward(image, 0, factor);
}

fn toward(image: &mut Image, base: u8, factor: f32) {
    dispatch(Toward { colors: &mut image.pixels, base, factor });
}

struct Toward<'a> {
    colors: &'a mut [u8],
    base: u8,
    factor: f32,
}

impl WithSimd for Toward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for x in self.colors {
            *x = blend(self.base, *x, self.factor);
        }
    }
}

pub fn contrast(image: &mut Image, factor: f32) {
    let pixels = image.pixels.as_chunks::<3>().0;
    let sum: u64 = pixels.iter().map(|&p| u64::from(luma(p))).sum();
    let mean = (sum as f64 / pixels.len().max(1) as f64 + 0.5) as u8;
    toward(image, mean, factor);
}

pub fn saturation(image: &mut Image, factor: f32) {
    dispatch(Saturation { pixels: image.pixels.as_chunks_mut().0, factor });
}

struct Saturation<'a> {
    pixels: &'a mut [[u8; 3]],
    factor: f32,
}

impl WithSimd for Saturation<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for pixel in self.pixels {
            let gray = luma(*pixel);
            *pixel = pixel.map(|x| blend(gray, x, self.factor));
        }
    }
}

/// Turns the hue; unlike the original it does not round the hue to 256 steps.
fn hue(image: &mut Image, turns: f32) {
    dispatch(Hue { pixels: image.pixels.as_chunks_mut().0, turns });
}

struct Hue<'a> {
    pixels: &'a mut [[u8; 3]],
    turns: f32,
}

impl WithSimd for Hue<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        // Colors apart, so that a vector has many pixels.
        let mut apart = [[0f32; TOGETHER]; 3];
        for pixels in self.pixels.chunks_mut(TOGETHER) {
            for (at, pixel) in pixels.iter().enumerate() {
                (0..3).for_each(|color| apart[color][at] = f32::from(pixel[color]) / 255.0);
            }
            let [r, g, b] = &mut apart;
            for ((r, g), b) in r.iter_mut().zip(g).zip(b) {
                [*r, *g, *b] = turned([*r, *g, *b], self.turns).map(|x| rounded(x * 255.0));
            }
            for (at, pixel) in pixels.iter_mut().enumerate() {
                *pixel = [0, 1, 2].map(|color| whole(apart[color][at]));
            }
        }
    }
}

/// Pixels whose colors are computed side by side.
const TOGETHER: usize = 64;

/// A color of 0 to 255, rounded, half up: what `round` gives.
#[inline(always)]
fn rounded(x: f32) -> f32 {
    let below = x.floor();
    if x - below >= 0.5 { below + 1.0 } else { below }
}

/// A whole number of 0 to 255, which then stands in the last bits: vectors have no such conversion.
#[inline(always)]
fn whole(x: f32) -> u8 {
    (x + 8_388_608.0).to_bits() as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::cpu::kernels::simd;

    fn image() -> Image {
        Image { height: 1, width: 2, pixels: vec![200, 100, 50, 10, 20, 30] }
    }

    fn changed(change: impl Fn(&mut Image)) -> Vec<u8> {
        let mut image = image();
        change(&mut image);
        image.pixels
    }

    #[test]
    fn factor_one_changes_nothing() {
        assert_eq!(changed(|i| brightness(i, 1.0)), image().pixels);
        assert_eq!(changed(|i| contrast(i, 1.0)), image().pixels);
        assert_eq!(changed(|i| saturation(i, 1.0)), image().pixels);
        assert_eq!(changed(|i| hue(i, 0.0)), image().pixels);
        assert_eq!(changed(|i| hue(i, 1.0)), image().pixels);
    }

    /// A hue turned by the operations that its definition has, a color at a time.
    fn plainly([r, g, b]: [u8; 3], turns: f32) -> [u8; 3] {
        let [r, g, b] = [r, g, b].map(|x| f32::from(x) / 255.0);
        let value = r.max(g).max(b);
        let spread = value - r.min(g).min(b);
        let sixth = match () {
            () if spread <= 0.0 => 0.0,
            () if value == r => (g - b) / spread,
            () if value == g => 2.0 + (b - r) / spread,
            () => 4.0 + (r - g) / spread,
        };
        let saturation = if spread <= 0.0 { 0.0 } else { spread / value };
        let hue = (sixth / 6.0).rem_euclid(1.0) + turns;
        let sixth = (hue - hue.floor()) * 6.0;
        [5.0, 3.0, 1.0].map(|offset| {
            let k = (offset + sixth) % 6.0;
            let x = value - value * saturation * k.min(4.0 - k).clamp(0.0, 1.0);
            (x * 255.0).round() as u8
        })
    }

    /// Whatever vectors there are, to the bit: a run's images do not depend on them.
    #[test]
    fn many_at_once_are_as_one_by_one() {
        let some = || (0..=255u8).step_by(15);
        let pixels: Vec<[u8; 3]> = some()
            .flat_map(|r| some().flat_map(move |g| some().map(move |b| [r, g, b])))
            .chain((0..=255).map(|x| [x, 255 - x, x / 2 + 7]))
            .collect();
        for (_, set) in simd::instructions() {
            for turns in [-0.5, -0.3, -1e-3, 0.0, 1e-7, 0.05, 1.0 / 3.0, 0.5] {
                let colors = pixels.as_flattened().to_vec();
                let mut image = Image { height: 1, width: pixels.len(), pixels: colors };
                simd::with(set, || hue(&mut image, turns));
                let expected: Vec<[u8; 3]> = pixels.iter().map(|&p| plainly(p, turns)).collect();
                assert_eq!(image.pixels, expected.as_flattened(), "{turns}");
            }
            for factor in [0.0, 0.37, 1.0, 1.63, 40.0] {
                let colors = pixels.as_flattened().to_vec();
                let mut image = Image { height: 1, width: pixels.len(), pixels: colors.clone() };
                simd::with(set, || toward(&mut image, 71, factor));
                let plain = |x: &u8| (71.0 + factor * (f32::from(*x) - 71.0)) as u8;
                assert_eq!(image.pixels, colors.iter().map(plain).collect::<Vec<_>>(), "{factor}");
            }
        }
    }

    #[test]
    fn by_hand() {
        assert_eq!(changed(|i| brightness(i, 1.5)), [255, 150, 75, 15, 30, 45]);
        // Luma of the two pixels: 124 and 18; their mean is 71.
        assert_eq!(changed(|i| contrast(i, 0.0)), [71; 6]);
        assert_eq!(changed(|i| saturation(i, 0.0)), [124, 124, 124, 18, 18, 18]);
        // A third of a turn moves red to green.
        assert_eq!(changed(|i| hue(i, 1.0 / 3.0)), [50, 200, 100, 30, 10, 20]);
    }
}
