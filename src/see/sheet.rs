//! An overview of one image: what the model took, what it says, and every map.
//!
//! Where things lie is decided once; the sheet is then drawn as pixels (letters from a bitmap font)
//! or as SVG (letters as text, clusters as polygons).

use super::palette::Color;
use super::picture::{Look, Picture};
use super::sight::{Global, Sight, View};
use super::vector::{embedded, hex};
use crate::data::letters::{self, Letters};
use crate::data::{Filter, Image};
use crate::diag::list;
use crate::diag::number::signed;
use std::fmt::Write;

const MARGIN: usize = 16;
const GAP: usize = 12;
/// Pictures beside each other at most: more are divided over lines of equal length.
const MOST: usize = 8;
/// Pixels that a square picture is wide, where there are few beside each other, and where there are many.
const WIDE: usize = 224;
const NARROW: usize = 192;
const FEW: usize = 5;
/// How many times as long the longer side of another one is at most.
const LONGER: usize = 2;
/// Pixels of a colored square, with the room behind it.
const SQUARE: usize = 14;
/// Contributions listed below a map.
const LISTED: usize = 8;
/// Letters that stand side by side below a picture, however narrow it is: as many as a caption has.
const COLUMN: usize = 25;
/// Over the contributions.
const HEADING: &str = "    drop   keep  score";
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

/// A picture and what stands below it.
struct Cell {
    item: Item,
    lines: Vec<Line>,
}

/// A line below a picture, perhaps behind a square of a color.
type Line = (Option<Color>, String);

/// Things at their places.
#[derive(Debug, Clone)]
pub struct Sheet {
    width: usize,
    height: usize,
    /// Pixels from one picture to the next, without the gap.
    column: usize,
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
        let lengths = rows.iter().map(|row| row.len()).chain([1 + sight.globals.len()]);
        let columns = lengths.map(beside).max().unwrap_or(1);
        let side = side(columns, base, sight);
        let height = (side * base.height / base.width.max(1)).max(1);
        let base = base.resize(height, side, Filter::Bilinear);
        let column = side.max(COLUMN * Letters::Small.width());
        // Room for words in any case.
        let width = 2 * MARGIN + (columns * (column + GAP)).max(3 * (WIDE + GAP)) - GAP;
        let mut sheet = Sheet { width, height: MARGIN, column, base, items: Vec::new() };
        sheet.text(Letters::Large, words.title, BLACK);
        sheet.text(Letters::Small, words.model, GRAY);
        sheet.text(Letters::Small, &said(sight, words), BLACK);
        sheet.height += GAP;

        let of_all = sight.globals.iter().map(|global| {
            let picture = Picture::new(&sheet.base, &global.regions, &global.colors, None, look);
            Cell { item: Item::Picture(picture), lines: worth(global, look) }
        });
        let image = Cell { item: Item::Image, lines: vec![(None, "the image".to_string())] };
        let cells = std::iter::once(image).chain(of_all).collect();
        sheet.row(cells);
        if !sight.globals.is_empty() {
            let class = words.class(sight.class);
            let text = format!(
                "drop: what {class} loses without the cluster; keep: what it has of it alone"
            );
            sheet.text(Letters::Small, &text, GRAY);
            sheet.height += GAP;
        }
        for row in rows {
            let of_head = row.iter().map(|view| {
                let windows = view.windows.as_deref();
                let picture = Picture::new(&sheet.base, &view.regions, &view.colors, windows, look);
                let lines = caption(view).map(|line| (None, line)).to_vec();
                Cell { item: Item::Picture(picture), lines }
            });
            let cells = of_head.collect();
            sheet.row(cells);
        }
        for remark in sight.remarks() {
            sheet.text(Letters::Small, &remark, GRAY);
        }
        sheet.height += MARGIN;
        sheet
    }

    /// A text below what is there, in as many lines as it takes.
    fn text(&mut self, letters: Letters, text: &str, color: Color) {
        for line in letters.lines(text, self.width - 2 * MARGIN) {
            self.items.push(((MARGIN, self.height), Item::Text(letters, line, color)));
            self.height += letters.line();
        }
    }

    /// Pictures side by side below what is there, or in several lines of about as many.
    fn row(&mut self, mut cells: Vec<Cell>) {
        let beside = beside(cells.len());
        while !cells.is_empty() {
            let rest = cells.split_off(beside.min(cells.len()));
            let mut below = self.height;
            for (column, cell) in cells.into_iter().enumerate() {
                below = below.max(self.cell(column, cell));
            }
            self.height = below + GAP;
            cells = rest;
        }
    }

    /// A picture in its column; gives where what stands below it ends.
    fn cell(&mut self, column: usize, Cell { item, lines }: Cell) -> usize {
        let left = MARGIN + column * (self.column + GAP);
        self.items.push(((left, self.height), item));
        let mut at = self.height + self.base.height + 4;
        for (color, text) in lines {
            let indent = if color.is_some() { SQUARE } else { 0 };
            if let Some(color) = color {
                self.items.push(((left, at + 1), Item::Box(11, 11, color)));
            }
            for line in Letters::Small.lines(&text, self.column.saturating_sub(indent)) {
                self.items.push(((left + indent, at), Item::Text(Letters::Small, line, BLACK)));
                at += Letters::Small.line();
            }
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

/// How many of `count` pictures stand beside each other: as few as the number of lines allows.
fn beside(count: usize) -> usize {
    count.div_ceil(count.div_ceil(MOST).max(1))
}

/// Pixels that pictures are wide: they cover as much as square ones, where the sheet has room for that. So
/// much less that all positions of the first map are drawn equally large.
fn side(columns: usize, base: &Image, sight: &Sight) -> usize {
    let square = if columns <= FEW { WIDE } else { NARROW };
    let ratio = base.width as f64 / base.height.max(1) as f64;
    let room = MOST * (NARROW + GAP) / columns.max(1) - GAP;
    let longest = LONGER * square;
    let of_height = (longest as f64 * ratio) as usize;
    let as_large = (square as f64 * ratio.sqrt()) as usize;
    let most = as_large.min(longest).min(of_height).min(room).max(1);
    let positions = sight.record.stages.first().map_or(1, |stage| stage.map[1]);
    most.checked_div(positions)
        .filter(|&pixels| pixels > 0)
        .map_or(most, |pixels| pixels * positions)
}

/// Which head it is, and how many centers its positions chose.
fn caption(view: &View) -> [String; 2] {
    let View { stage, block, head, chosen, regions, .. } = view;
    let shown = match regions.clusters.len() {
        shown if shown < *chosen => format!("merged to {shown}"),
        _ => "centers".to_string(),
    };
    let name = format!("stage {stage} block {block} head {head}");
    [name, format!("{chosen} of {} {shown}", regions.centers)]
}

/// What the clusters of all stages are worth.
fn worth(global: &Global, look: Look) -> Vec<Line> {
    let Global { regions, contributions, colors, .. } = global;
    let counted = format!("{} clusters of {} centers", regions.clusters.len(), regions.centers);
    let mut lines = vec![(None, "all stages".to_string()), (None, counted)];
    lines.push((None, HEADING.to_string()));
    for (worth, &color) in contributions.iter().zip(colors).take(LISTED) {
        let [drop, score] = [worth.drop, worth.score].map(|part| signed(part, 3));
        let color = Some(look.palette.color(color));
        lines.push((color, format!("{drop:>6}  {:.3} {score:>6}", worth.keep)));
    }
    if let more @ 1.. = contributions.len().saturating_sub(LISTED) {
        lines.push((None, format!("and {more} more")));
    }
    lines
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

/// Copies an image to a place; what lies outside is left out.
fn put(sheet: &mut Image, image: &Image, (left, top): Place) {
    let columns = image.width.min(sheet.width.saturating_sub(left));
    for row in 0..image.height.min(sheet.height.saturating_sub(top)) {
        let to = ((top + row) * sheet.width + left) * 3;
        let from = row * image.width * 3;
        sheet.pixels[to..to + columns * 3].copy_from_slice(&image.pixels[from..][..columns * 3]);
    }
}
