//! A picture as pixels.

use super::outline::seams;
use super::palette::Color;
use super::picture::{Picture, Style};
use crate::data::Image;
use crate::graph::Size;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

/// Pixels that a line is wide, on either side of a border.
const LINE: usize = 2;
/// Pixels of a dash, of the lines of windows, and how far they cover what they lie on: clusters are seen
/// through them.
pub const DASH: usize = 3;
pub const LINES: f64 = 0.7;

impl Picture {
    pub fn raster(&self) -> Image {
        let mut out = match self.style {
            Style::Flat => Image { pixels: Vec::new(), ..self.base },
            _ => self.base.clone(),
        };
        let colors = self.labels.iter().map(|&label| self.colors[label as usize]);
        match self.style {
            Style::Flat => out.pixels = colors.flatten().collect(),
            Style::Overlay => {
                for (pixel, color) in out.pixels.chunks_exact_mut(3).zip(colors) {
                    mix(pixel, color, self.opacity);
                }
                self.border(&mut out, 1);
            }
            Style::Outlines => self.border(&mut out, LINE),
        }
        if let Some(windows) = &self.windows {
            let size = self.size();
            for [from, to] in seams(windows, size) {
                let [[left, top], [right, bottom]] = [from, to].map(|end| end.map(|x| x as usize));
                for step in 0..(right - left).max(bottom - top) {
                    let down = left == right;
                    let (row, column) = if down { (top + step, left) } else { (top, left + step) };
                    let shade = if (step / DASH).is_multiple_of(2) { 255 } else { 0 };
                    let at = 3 * (row * size[1] + column);
                    mix(&mut out.pixels[at..][..3], [shade; 3], LINES);
                }
            }
        }
        out
    }

    /// Pixels beside another cluster take the whole color of their own.
    fn border(&self, out: &mut Image, width: usize) {
        for at in borders(&self.labels, self.size(), width) {
            let color = self.colors[self.labels[at] as usize];
            out.pixels[3 * at..][..3].copy_from_slice(&color);
        }
    }
}

fn mix(pixel: &mut [u8], color: Color, part: f64) {
    for (x, color) in pixel.iter_mut().zip(color) {
        *x = (f64::from(*x) * (1.0 - part) + f64::from(color) * part).round() as u8;
    }
}

/// The places at most `width` pixels from another label along an axis.
fn borders(labels: &[u32], [rows, columns]: Size, width: usize) -> Vec<usize> {
    let differs = |at: &usize| {
        let (row, column) = (at / columns, at % columns);
        (1..=width).any(|step| {
            row >= step && labels[at - step * columns] != labels[*at]
                || row + step < rows && labels[at + step * columns] != labels[*at]
                || column >= step && labels[at - step] != labels[*at]
                || column + step < columns && labels[at + step] != labels[*at]
        })
    };
    (0..labels.len()).filter(differs).collect()
}

/// The bytes of a PNG file.
pub fn png(image: &Image) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let (width, height) = (image.width as u32, image.height as u32);
    PngEncoder::new(&mut bytes)
        .write_image(&image.pixels, width, height, ExtendedColorType::Rgb8)
        .map_err(|error| format!("a picture can not be encoded: {error}"))?;
    Ok(bytes)
}
