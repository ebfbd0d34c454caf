//! RandAugment (Cubuk et al., arXiv 1909.13719): a few changes drawn from a list, all of one strength.
//!
//! The list and its ranges are torchvision's. Geometry takes the nearest pixel and leaves black what
//! the image does not cover.

use super::image::Image;
use super::jitter::{brightness, contrast, saturation};
use crate::exec::random::Random;

/// A change of the list; each takes a strength from 0 to 1, most of them in either direction.
const CHANGES: [fn(&mut Image, f64); 14] = [
    |_, _| {},
    |image, x| shear(image, [0.3 * x, 0.0]),
    |image, x| shear(image, [0.0, 0.3 * x]),
    |image, x| translate(image, [FARTHEST * x * image.width as f64, 0.0]),
    |image, x| translate(image, [0.0, FARTHEST * x * image.height as f64]),
    |image, x| rotate(image, (30.0 * x).to_radians()),
    |image, x| brightness(image, (1.0 + 0.9 * x) as f32),
    |image, x| saturation(image, (1.0 + 0.9 * x) as f32),
    |image, x| contrast(image, (1.0 + 0.9 * x) as f32),
    |image, x| sharpen(image, (1.0 + 0.9 * x) as f32),
    |image, x| posterize(image, 8 - (4.0 * x.abs()).round() as u32),
    |image, x| solarize(image, 255.0 * (1.0 - x.abs())),
    |image, _| autocontrast(image),
    |image, _| equalize(image),
];

/// The part of a side that an image moves by at most.
const FARTHEST: f64 = 150.0 / 331.0;

/// Makes `operations` changes of `strength`, from 0 to 1.
pub fn rand_augment(image: &mut Image, operations: usize, strength: f64, mut random: Random) {
    for _ in 0..operations {
        let change = CHANGES[random.below(CHANGES.len() as u64) as usize];
        let sign = if random.uniform() < 0.5 { 1.0 } else { -1.0 };
        change(image, sign * strength);
    }
}

/// Every pixel from where `source` says, in pixels whose centers are at halves.
fn warp(image: &mut Image, source: impl Fn(f64, f64) -> [f64; 2]) {
    let (height, width) = (image.height, image.width);
    let mut out = Image::black(height, width);
    for row in 0..height {
        for column in 0..width {
            let [x, y] = source(column as f64 + 0.5, row as f64 + 0.5).map(f64::floor);
            if (0.0..width as f64).contains(&x) && (0.0..height as f64).contains(&y) {
                let at = (row * width + column) * 3;
                out.pixels[at..at + 3].copy_from_slice(&image.pixel(y as usize, x as usize));
            }
        }
    }
    *image = out;
}

/// Slants the columns by `by[0]` and the rows by `by[1]`, the upper left corner at rest.
fn shear(image: &mut Image, by: [f64; 2]) {
    warp(image, |x, y| [x + by[0] * y, y + by[1] * x]);
}

/// Moves by whole pixels.
fn translate(image: &mut Image, by: [f64; 2]) {
    let by = by.map(f64::trunc);
    warp(image, |x, y| [x + by[0], y + by[1]]);
}

/// Around the middle.
fn rotate(image: &mut Image, angle: f64) {
    let (sin, cos) = angle.sin_cos();
    let middle = [image.width as f64 / 2.0, image.height as f64 / 2.0];
    warp(image, |x, y| {
        let (x, y) = (x - middle[0], y - middle[1]);
        [cos * x + sin * y + middle[0], cos * y - sin * x + middle[1]]
    });
}

/// From a smoothed image (factor 0) to this one (factor 1) and beyond; the border stays.
fn sharpen(image: &mut Image, factor: f32) {
    let before = image.clone();
    let (height, width) = (image.height, image.width);
    for row in 1..height.saturating_sub(1) {
        for at in (row * width + 1) * 3..((row + 1) * width).saturating_sub(1) * 3 {
            let around = |rows: isize, columns: isize| {
                let at = at as isize + (rows * width as isize + columns) * 3;
                u32::from(before.pixels[at as usize])
            };
            let mut sum = 4 * around(0, 0);
            for rows in -1..=1 {
                sum += (-1..=1).map(|columns| around(rows, columns)).sum::<u32>();
            }
            let smooth = (sum as f32 / 13.0).round();
            image.pixels[at] = (smooth + factor * (f32::from(before.pixels[at]) - smooth)) as u8;
        }
    }
}

/// Keeps the highest bits of every color.
fn posterize(image: &mut Image, bits: u32) {
    let mask = !(0xffu32 >> bits.min(8)) as u8;
    image.pixels.iter_mut().for_each(|x| *x &= mask);
}

/// Inverts the colors from a value up.
fn solarize(image: &mut Image, from: f64) {
    for x in image.pixels.iter_mut().filter(|x| f64::from(**x) >= from) {
        *x = 255 - *x;
    }
}

/// Stretches every channel to the whole range.
fn autocontrast(image: &mut Image) {
    each_channel(image, |counts| {
        let low = counts.iter().position(|&n| n > 0).unwrap_or(0) as f32;
        let high = counts.iter().rposition(|&n| n > 0).unwrap_or(255) as f32;
        let scale = if high > low { 255.0 / (high - low) } else { return None };
        Some(std::array::from_fn(|x| ((x as f32 - low) * scale) as u8))
    });
}

/// Makes the values of every channel equally frequent.
fn equalize(image: &mut Image) {
    each_channel(image, |counts| {
        let last = counts.iter().rev().find(|&&n| n > 0)?;
        let step = (counts.iter().sum::<usize>() - last) / 255;
        let mut sum = step / 2;
        (step > 0).then(|| {
            counts.map(|n| {
                let value = (sum / step).min(255) as u8;
                sum += n;
                value
            })
        })
    });
}

/// Replaces the values of a channel by a table made from how often each occurs.
fn each_channel(image: &mut Image, table: impl Fn([usize; 256]) -> Option<[u8; 256]>) {
    for channel in 0..3 {
        let mut counts = [0; 256];
        image.pixels.iter().skip(channel).step_by(3).for_each(|&x| counts[x as usize] += 1);
        if let Some(table) = table(counts) {
            let colors = image.pixels.iter_mut().skip(channel).step_by(3);
            colors.for_each(|x| *x = table[*x as usize]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::random::Site;

    /// Red counts the pixels, row by row.
    fn counted(height: usize, width: usize) -> Image {
        let pixels = (0..height * width).flat_map(|i| [i as u8, 100, 200]).collect();
        Image { height, width, pixels }
    }

    fn reds(height: usize, width: usize, change: impl Fn(&mut Image)) -> Vec<u8> {
        let mut image = counted(height, width);
        change(&mut image);
        image.pixels.iter().step_by(3).copied().collect()
    }

    #[test]
    fn geometry_by_hand() {
        assert_eq!(reds(2, 3, |i| translate(i, [1.9, 0.0])), [1, 2, 0, 4, 5, 0]);
        assert_eq!(reds(2, 3, |i| translate(i, [0.0, -1.0])), [0, 0, 0, 0, 1, 2]);
        assert_eq!(reds(3, 3, |i| rotate(i, std::f64::consts::PI)), [8, 7, 6, 5, 4, 3, 2, 1, 0]);
        // The second row is one pixel to the side, the first and the third a half more or less.
        assert_eq!(reds(3, 3, |i| shear(i, [0.5, 0.0])), [0, 1, 2, 4, 5, 0, 7, 8, 0]);
    }

    #[test]
    fn colors_by_hand() {
        assert_eq!(reds(1, 3, |i| posterize(i, 7)), [0, 0, 2]);
        assert_eq!(reds(1, 3, |i| posterize(i, 8)), [0, 1, 2]);
        assert_eq!(reds(1, 3, |i| solarize(i, 2.0)), [0, 1, 253]);
        assert_eq!(reds(1, 3, autocontrast), [0, 127, 255]);
        // Five pixels are too few for 255 steps: nothing changes.
        assert_eq!(reds(1, 5, equalize), [0, 1, 2, 3, 4]);
        let mut image = Image { height: 1, width: 1024, pixels: vec![7; 3072] };
        image.pixels[..3 * 512].fill(3);
        equalize(&mut image);
        assert_eq!((image.pixels[0], image.pixels[3071]), (0, 255));
        // The middle of 0 … 8 is the mean of its surroundings.
        assert_eq!(reds(3, 3, |i| sharpen(i, 1.9)), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
        let mut dot = Image::black(3, 3);
        dot.pixels[12..15].fill(130);
        sharpen(&mut dot, 0.0);
        assert_eq!(dot.pixels[12], 50);
    }

    #[test]
    fn strength_0_changes_nothing_but_what_has_no_strength() {
        for change in &CHANGES[..12] {
            assert_eq!(
                reds(4, 4, |i| change(i, 0.0)),
                counted(4, 4).pixels.iter().step_by(3).copied().collect::<Vec<u8>>()
            );
        }
        let drawn = |sample| {
            let mut image = counted(8, 8);
            rand_augment(&mut image, 2, 0.3, Random::new(1, 2, sample, Site::Policy));
            image
        };
        assert_eq!(drawn(3), drawn(3));
        assert!((0..20).any(|sample| drawn(sample) != drawn(3)));
    }
}
