//! An overview of one image: what the model took, what it says, and every map.
//!
//! Where things lie is decided once; the sheet is then drawn as pixels (letters from a bitmap font)
//! or as SVG (letters as text, clusters as polygons).

use super::letters::{self, Letters};
use super::palette::Color;
use super::picture::{Look, Picture};
use super::sight::{Global, Sight, View};
use super::vector::{embedded, hex};
use crate::data::{Filter, Image};
use crate::diag::list;
use std::fmt::Write;

const MARGIN: usize = 16;
const GAP: usize = 12;
const LINE: usize = 17;
/// Pixels that a picture is wide, where there are few beside each other, and where there are many.
const WIDE: usize = 224;
const NARROW: usize = 160;
const FEW: usize = 5;
/// Contributions listed below a map.
const LISTED: usize = 8;
/// Classes named.
const NAMED: usize = 3;

const BLACK: Color = [20, 20, 20];
const GRAY: Color = [90, 90, 90];

/// Column and row of a left upper corner, in pixels.
type Place = (usize, usize);

#[derive(Debug, Clone)]
enum Item {
    Picture(Picture),
    /// The image itself.
    Image,
    Text(Letters, String, Color),
    Box(usize, usize, Color),
}

/// Things at their places.
#[derive(Debug, Clone)]
pub struct Sheet {
    width: usize,
    height: usize,
    /// The image in the size that all pictures have.
    base: Image,
    items: Vec<(Place, Item)>,
}

/// What a sheet says in words.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    /// Of the image.
    pub title: &'a str,
    /// Of the model, and where its weights are from.
    pub model: &'a str,
    /// Names of the classes.
    pub classes: &'a [String],
}

impl Words<'_> {
    fn class(&self, class: usize) -> String {
        self.classes.get(class).cloned().unwrap_or_else(|| format!("class {class}"))
    }
}

impl Sheet {
    /// `base` is the image as the model took it, at any size.
    pub fn new(sight: &Sight, base: &Image, look: Look, words: Words<'_>) -> Sheet {
        let rows = rows(&sight.views);
        let most = rows.iter().map(|row| row.len()).chain([1 + sight.globals.len()]).max();
        let columns = most.unwrap_or(1);
        let side = if columns <= FEW { WIDE } else { NARROW };
        let height = (side * base.height / base.width.max(1)).max(1);
        let base = base.resize(height, side, Filter::Bilinear);
        let width = 2 * MARGIN + columns.max(3) * (side + GAP) - GAP;
        let mut sheet = Sheet { width, height: MARGIN, base, items: Vec::new() };
        sheet.line(Letters::Large, words.title, BLACK);
        sheet.line(Letters::Small, words.model, GRAY);
        sheet.line(Letters::Small, &said(sight, words), BLACK);
        sheet.height += GAP;

        let top = sheet.height;
        let mut below = top + sheet.cell(0, top, Item::Image, "the image");
        for (at, global) in sight.globals.iter().enumerate() {
            let picture = Picture::new(&sheet.base, &global.regions, &global.colors, None, look);
            let count = global.regions.clusters.len();
            let caption = format!("all stages, {count} of {}", global.regions.centers);
            let used = sheet.cell(at + 1, top, Item::Picture(picture), &caption);
            below = below.max(sheet.worth(at + 1, top + used, global, look));
        }
        sheet.height = below + GAP;
        if !sight.globals.is_empty() {
            let class = words.class(sight.class);
            sheet.line(
                Letters::Small,
                &format!(
                    "drop: what {class} loses without the cluster; keep: what it has of it alone"
                ),
                GRAY,
            );
            sheet.height += GAP;
        }
        for row in rows {
            let top = sheet.height;
            let mut used = 0;
            for (at, view) in row.iter().enumerate() {
                let windows = view.windows.as_deref();
                let picture = Picture::new(&sheet.base, &view.regions, &view.colors, windows, look);
                used = sheet.cell(at, top, Item::Picture(picture), &caption(view));
            }
            sheet.height = top + used + GAP;
        }
        for remark in sight.record.remarks() {
            let room = (sheet.width - 2 * MARGIN) / Letters::Small.width();
            for line in wrapped(&remark, room) {
                sheet.line(Letters::Small, &line, GRAY);
            }
        }
        sheet.height += MARGIN;
        sheet
    }

    /// A line of text below what is there.
    fn line(&mut self, letters: Letters, text: &str, color: Color) {
        let text = letters.fitted(text, self.width - 2 * MARGIN);
        self.items.push(((MARGIN, self.height), Item::Text(letters, text, color)));
        self.height += letters.height() + 4;
    }

    /// A picture with its caption in a column; gives how high they are.
    fn cell(&mut self, column: usize, top: usize, item: Item, caption: &str) -> usize {
        let left = MARGIN + column * (self.base.width + GAP);
        let text = Letters::Small.fitted(caption, self.base.width);
        let below = top + self.base.height + 4;
        self.items.push(((left, top), item));
        self.items.push(((left, below), Item::Text(Letters::Small, text, BLACK)));
        self.base.height + 4 + LINE
    }

    /// The contributions of a map, below it; gives where they end.
    fn worth(&mut self, column: usize, top: usize, global: &Global, look: Look) -> usize {
        let left = MARGIN + column * (self.base.width + GAP);
        let mut at = top;
        let mut line = |text: String, color: Option<Color>| {
            if let Some(color) = color {
                self.items.push(((left, at + 1), Item::Box(11, 11, color)));
            }
            self.items.push(((left + 14, at), Item::Text(Letters::Small, text, BLACK)));
            at += LINE;
        };
        line("  drop   keep  score".to_string(), None);
        let all = global.contributions.iter().zip(&global.colors);
        for (worth, &color) in all.take(LISTED) {
            let text = format!("{:+.3}  {:.3} {:+.3}", worth.drop, worth.keep, worth.score);
            line(text, Some(look.palette.color(color)));
        }
        match global.contributions.len().saturating_sub(LISTED) {
            0 => {}
            more => line(format!("and {more} more"), None),
        }
        at
    }

    pub fn raster(&self) -> Image {
        let pixels = vec![255; self.width * self.height * 3];
        let mut out = Image { height: self.height, width: self.width, pixels };
        for (place, item) in &self.items {
            match item {
                Item::Image => put(&mut out, &self.base, *place),
                Item::Picture(picture) => put(&mut out, &picture.raster(), *place),
                Item::Text(letters, text, color) => {
                    letters::write(&mut out, *place, *letters, text, *color);
                }
                Item::Box(width, height, color) => {
                    let pixels = color.repeat(width * height);
                    put(&mut out, &Image { height: *height, width: *width, pixels }, *place);
                }
            }
        }
        out
    }

    pub fn svg(&self) -> Result<String, String> {
        let (width, height) = (self.width, self.height);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"ui-monospace, Menlo, Consolas, \
             monospace\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n<defs>{}</defs>\n",
            embedded(&self.base, " id=\"image\"")?
        );
        for ((x, y), item) in &self.items {
            // Writing to a text does not fail.
            let _ = match item {
                Item::Image => writeln!(svg, "<use href=\"#image\" x=\"{x}\" y=\"{y}\"/>"),
                Item::Picture(picture) => {
                    let _ = writeln!(svg, "<g transform=\"translate({x} {y})\">");
                    if picture.shows_image() {
                        svg.push_str("<use href=\"#image\"/>\n");
                    }
                    picture.shapes(&mut svg);
                    writeln!(svg, "</g>")
                }
                Item::Text(letters, text, color) => {
                    let base = y + letters.height() * 4 / 5;
                    // A letter of these fonts is six tenths as wide as they are large.
                    let size = letters.width() as f64 / 0.6;
                    let (text, color) = (crate::diag::svg::escaped(text), hex(*color));
                    writeln!(
                        svg,
                        "<text xml:space=\"preserve\" x=\"{x}\" y=\"{base}\" \
                         font-size=\"{size:.1}\" fill=\"{color}\">{text}</text>"
                    )
                }
                Item::Box(width, height, color) => writeln!(
                    svg,
                    "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{}\"/>",
                    hex(*color)
                ),
            };
        }
        svg.push_str("</svg>\n");
        Ok(svg)
    }
}

/// Views of one stage and block side by side.
fn rows(views: &[View]) -> Vec<&[View]> {
    views.chunk_by(|a, b| (a.stage, a.block) == (b.stage, b.block)).collect()
}

fn caption(view: &View) -> String {
    let View { stage, block, head, chosen, regions, .. } = view;
    let shown = regions.clusters.len();
    let merged = if shown < *chosen { format!(", as {shown}") } else { String::new() };
    format!("stage {stage}.{block} head {head}: {chosen} of {}{merged}", regions.centers)
}

/// What the model says of the image.
fn said(sight: &Sight, words: Words<'_>) -> String {
    let guesses: Vec<String> = sight
        .guesses(NAMED)
        .iter()
        .map(|guess| format!("{} {:.1} %", words.class(guess.class), 100.0 * guess.probability))
        .collect();
    let guesses: Vec<&str> = guesses.iter().map(String::as_str).collect();
    let said = format!("says {}", list(&guesses, "and"));
    match sight.truth {
        Some(truth) => format!("{said}; it is {}", words.class(truth)),
        None => said,
    }
}

fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut();
        match last {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
}

/// Copies an image to a place; what lies outside is left out.
fn put(sheet: &mut Image, image: &Image, (left, top): Place) {
    let columns = image.width.min(sheet.width.saturating_sub(left));
    for row in 0..image.height.min(sheet.height.saturating_sub(top)) {
        let to = ((top + row) * sheet.width + left) * 3;
        let from = row * image.width * 3;
        sheet.pixels[to..to + columns * 3].copy_from_slice(&image.pixels[from..][..columns * 3]);
    }
}
