//! Random changes of color, as torchvision's `ColorJitter` makes them on 8-bit images.

use super::color::{from_hsv, luma, to_hsv};
use super::image::Image;
use crate::exec::random::Random;

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
fn blend(base: u8, x: u8, factor: f32) -> u8 {
    (f32::from(base) + factor * (f32::from(x) - f32::from(base))) as u8
}

pub fn brightness(image: &mut Image, factor: f32) {
    for x in &mut image.pixels {
        *x = blend(0, *x, factor);
    }
}

pub fn contrast(image: &mut Image, factor: f32) {
    let pixels = image.pixels.as_chunks::<3>().0;
    let sum: u64 = pixels.iter().map(|&p| u64::from(luma(p))).sum();
    let mean = (sum as f64 / pixels.len().max(1) as f64 + 0.5) as u8;
    for x in &mut image.pixels {
        *x = blend(mean, *x, factor);
    }
}

pub fn saturation(image: &mut Image, factor: f32) {
    for pixel in image.pixels.as_chunks_mut::<3>().0 {
        let gray = luma(*pixel);
        *pixel = pixel.map(|x| blend(gray, x, factor));
    }
}

/// Turns the hue; unlike the original it does not round the hue to 256 steps.
fn hue(image: &mut Image, turns: f32) {
    for pixel in image.pixels.as_chunks_mut::<3>().0 {
        let [h, s, v] = to_hsv(pixel.map(|x| f32::from(x) / 255.0));
        *pixel = from_hsv([h + turns, s, v]).map(|x| (x * 255.0).round() as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
