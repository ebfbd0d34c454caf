//! Letters on pixels, from bitmap fonts: Western European characters, others as question marks.

use super::image::Image;
use crate::diag::table::wrapped;
use embedded_graphics::Drawable;
use embedded_graphics::Pixel;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::mono_font::iso_8859_1::{FONT_7X13, FONT_10X20};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle};
use embedded_graphics::pixelcolor::{Rgb888, RgbColor};
use embedded_graphics::text::{Baseline, Text};
use std::convert::Infallible;

/// How large letters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Letters {
    /// 7 x 13 pixels each.
    Small,
    /// 10 x 20 pixels each.
    Large,
}

impl Letters {
    fn font(self) -> &'static MonoFont<'static> {
        match self {
            Letters::Small => &FONT_7X13,
            Letters::Large => &FONT_10X20,
        }
    }

    pub fn height(self) -> usize {
        self.font().character_size.height as usize
    }

    /// From a line to the next.
    pub fn line(self) -> usize {
        self.height() + 4
    }

    pub fn width(self) -> usize {
        self.font().character_size.width as usize
    }

    /// A text in as many lines as it takes, each of so many pixels at most: divided between words,
    /// and a word where it is too long for a line.
    pub fn lines(self, text: &str, room: usize) -> Vec<String> {
        let most = (room / self.width()).max(1);
        if text.chars().count() <= most {
            return vec![text.to_string()];
        }
        let lines = wrapped(text, most);
        let lines = lines.lines().map(|line| line.chars().collect::<Vec<char>>());
        lines
            .flat_map(|line| line.chunks(most).map(String::from_iter).collect::<Vec<_>>())
            .collect()
    }
}

/// Draws a line of text, `(x, y)` its left upper corner.
pub fn write(
    image: &mut Image,
    (x, y): (usize, usize),
    letters: Letters,
    text: &str,
    color: [u8; 3],
) {
    let color = Rgb888::new(color[0], color[1], color[2]);
    let style = MonoTextStyle::new(letters.font(), color);
    let place = Point::new(x as i32, y as i32);
    let drawn = Text::with_baseline(text, place, style, Baseline::Top).draw(&mut Canvas(image));
    match drawn {
        Ok(_) => {}
        Err(never) => match never {},
    }
}

struct Canvas<'a>(&'a mut Image);

impl OriginDimensions for Canvas<'_> {
    fn size(&self) -> Size {
        Size::new(self.0.width as u32, self.0.height as u32)
    }
}

impl DrawTarget for Canvas<'_> {
    type Color = Rgb888;
    type Error = Infallible;

    /// What lies outside is left out.
    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(
        &mut self,
        pixels: I,
    ) -> Result<(), Infallible> {
        let (width, height) = (self.0.width as i32, self.0.height as i32);
        for Pixel(Point { x, y }, color) in pixels {
            if (0..width).contains(&x) && (0..height).contains(&y) {
                let at = 3 * (y * width + x) as usize;
                self.0.pixels[at..at + 3].copy_from_slice(&[color.r(), color.g(), color.b()]);
            }
        }
        Ok(())
    }
}
