//! An 8-bit RGB image and what is done to its geometry.

use crate::graph::Size;
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

/// How pixels are interpolated. Both filters widen when an image shrinks (antialiasing).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    Bilinear,
    /// Three lobes.
    Lanczos,
}

/// 8-bit RGB, rows of columns of channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub height: usize,
    pub width: usize,
    /// `[height, width, 3]`
    pub pixels: Vec<u8>,
}

impl Image {
    /// A black image.
    pub fn black(height: usize, width: usize) -> Image {
        Image { height, width, pixels: vec![0; height * width * 3] }
    }

    /// The color of a pixel.
    pub fn pixel(&self, row: usize, column: usize) -> [u8; 3] {
        let at = (row * self.width + column) * 3;
        [self.pixels[at], self.pixels[at + 1], self.pixels[at + 2]]
    }

    /// A window of `height` x `width` whose corner is at (`top`, `left`), which may lie outside:
    /// what the image does not cover is black.
    pub fn window(&self, top: isize, left: isize, height: usize, width: usize) -> Image {
        let mut out = Image::black(height, width);
        let first = left.max(0);
        let last = (left + width as isize).min(self.width as isize);
        if first >= last {
            return out;
        }
        let (from, bytes) = (first as usize * 3, (last - first) as usize * 3);
        let to = (first - left) as usize * 3;
        for row in 0..height {
            let source = top + row as isize;
            if source < 0 || source >= self.height as isize {
                continue;
            }
            let source = source as usize * self.width * 3 + from;
            let target = row * width * 3 + to;
            out.pixels[target..target + bytes]
                .copy_from_slice(&self.pixels[source..source + bytes]);
        }
        out
    }

    /// The middle `height` x `width`, with black around where the image is smaller. An odd rest is
    /// halved to the even number, as torchvision does.
    pub fn center(&self, height: usize, width: usize) -> Image {
        let corner = |image: usize, window: usize| match image.checked_sub(window) {
            Some(rest) => (rest as f64 / 2.0).round_ties_even() as isize,
            None => -(((window - image) / 2) as isize),
        };
        self.window(corner(self.height, height), corner(self.width, width), height, width)
    }

    /// Left and right exchanged.
    pub fn flip(&mut self) {
        for row in self.pixels.chunks_exact_mut((self.width * 3).max(1)) {
            for column in 0..self.width / 2 {
                let mirror = (self.width - 1 - column) * 3;
                for channel in 0..3 {
                    row.swap(column * 3 + channel, mirror + channel);
                }
            }
        }
    }

    /// Black in the rectangle of `height` x `width` at (`top`, `left`), which must lie inside.
    pub fn erase(&mut self, top: usize, left: usize, height: usize, width: usize) {
        for row in top..top + height {
            let at = (row * self.width + left) * 3;
            self.pixels[at..at + width * 3].fill(0);
        }
    }

    /// The whole image at another size. An empty image, or an empty target, gives black.
    pub fn resize(&self, height: usize, width: usize, filter: Filter) -> Image {
        if (height, width) == (self.height, self.width) {
            return self.clone();
        }
        self.convolve(height, width, filter).unwrap_or_else(|| Image::black(height, width))
    }

    fn convolve(&self, height: usize, width: usize, filter: Filter) -> Option<Image> {
        let side = |n: usize| u32::try_from(n).ok().filter(|&n| n > 0);
        let from = (side(self.width)?, side(self.height)?);
        let to = (side(width)?, side(height)?);
        let mut pixels = vec![0; width * height * 3];
        let source = TypedImageRef::<U8x3>::from_buffer(from.0, from.1, &self.pixels).ok()?;
        let mut target = TypedImage::<U8x3>::from_buffer(to.0, to.1, &mut pixels).ok()?;
        let kernel = match filter {
            Filter::Bilinear => FilterType::Bilinear,
            Filter::Lanczos => FilterType::Lanczos3,
        };
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(kernel));
        // Of one pixel type: the call that takes any type compiles them all, again in every build.
        Resizer::new().resize_typed(&source, &mut target, &options).ok()?;
        Some(Image { height, width, pixels })
    }

    /// The shorter side `size` pixels long, the longer one in proportion and rounded down.
    pub fn resize_shorter(&self, size: usize, filter: Filter) -> Image {
        let [height, width] = shorter([self.height, self.width], size);
        self.resize(height, width, filter)
    }
}

/// Sides with the shorter one at `size` and the aspect kept.
pub(super) fn shorter([height, width]: Size, size: usize) -> Size {
    let longer = |long: usize, short: usize| (size * long / short.max(1)).max(1);
    match height <= width {
        true => [size, longer(width, height)],
        false => [longer(height, width), size],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(height: usize, width: usize) -> Image {
        let pixels = (0..height * width * 3).map(|i| (i / 3) as u8).collect();
        Image { height, width, pixels }
    }

    #[test]
    fn windows() {
        let image = ramp(3, 4);
        assert_eq!(image.window(0, 0, 3, 4), image);
        let part = image.window(-1, 2, 3, 4);
        let red: Vec<u8> = part.pixels.iter().step_by(3).copied().collect();
        assert_eq!(red, [0, 0, 0, 0, 2, 3, 0, 0, 6, 7, 0, 0]);
        assert_eq!(image.window(9, 9, 2, 2), Image::black(2, 2));
        assert_eq!(image.center(1, 2).pixel(0, 0), [5; 3]);
        assert_eq!(image.center(5, 4).pixel(1, 0), [0; 3]);
        assert_eq!(image.center(5, 4).pixel(1, 1), [1; 3]);
    }

    #[test]
    fn flips() {
        let mut image = ramp(2, 3);
        image.flip();
        let red: Vec<u8> = image.pixels.iter().step_by(3).copied().collect();
        assert_eq!(red, [2, 1, 0, 5, 4, 3]);
    }

    #[test]
    fn resizes() {
        let mut image = Image::black(40, 60);
        image.pixels.fill(77);
        for filter in [Filter::Bilinear, Filter::Lanczos] {
            let small = image.resize_shorter(20, filter);
            assert_eq!((small.height, small.width), (20, 30));
            assert!(small.pixels.iter().all(|&x| x == 77));
        }
        // A board of alternating pixels becomes its mean: the kernel widens.
        for (i, x) in image.pixels.iter_mut().enumerate() {
            *x = if (i / 3) % 2 == 0 { 200 } else { 0 };
        }
        let small = image.resize(10, 15, Filter::Bilinear);
        assert!(small.pixels.iter().all(|&x| (90..=110).contains(&x)), "{:?}", small.pixels);
    }
}
