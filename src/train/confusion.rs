//! What is taken for what: images counted by their class and the class that was named.

use crate::diag::number::grouped;
use crate::diag::svg::escaped;
use crate::diag::table::{Side, Table};
use std::fmt::Write;

/// `[class, class named]`, row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    counts: Vec<u64>,
}

/// Images of one class that were taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mistake {
    pub class: usize,
    pub named: usize,
    pub images: u64,
    /// Of the class, all together.
    pub of: u64,
}

/// What is taken for what most often.
#[derive(Debug, Clone)]
pub struct Mistakes {
    /// A row for every pair of classes, as many as are shown.
    pub table: Table,
    /// Pairs that are not.
    pub more: usize,
}

/// Pairs of classes that are shown.
const SHOWN: usize = 10;

/// How wide a square is in which there is room for a number.
const COUNTED: f64 = 24.0;

impl Confusion {
    pub fn new(classes: usize) -> Confusion {
        Confusion { classes, counts: vec![0; classes * classes] }
    }

    /// Takes in an image of class `label`; the largest logit names a class, the first of equal ones.
    pub fn add(&mut self, logits: &[f32], label: u32) {
        let mut named = None;
        for (class, &logit) in logits.iter().enumerate().take(self.classes) {
            if !logit.is_nan() && named.is_none_or(|best: usize| logit > logits[best]) {
                named = Some(class);
            }
        }
        let place = named.map(|named| label as usize * self.classes + named);
        if let Some(count) = place.and_then(|place| self.counts.get_mut(place)) {
            *count += 1;
        }
    }

    /// One row for every class.
    pub fn rows(&self) -> impl Iterator<Item = &[u64]> {
        self.counts.chunks(self.classes.max(1))
    }

    /// All pairs that were confused, the most frequent first.
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        for (class, row) in self.rows().enumerate() {
            let of = row.iter().sum();
            let others =
                row.iter().enumerate().filter(|&(named, &images)| named != class && images > 0);
            mistakes.extend(others.map(|(named, &images)| Mistake { class, named, images, of }));
        }
        mistakes.sort_by_key(|mistake| std::cmp::Reverse(mistake.images));
        mistakes
    }

    /// The most frequent ones, under the names of their classes; none where all images were
    /// recognized.
    pub fn worst(&self, name: impl Fn(usize) -> String) -> Option<Mistakes> {
        let all = self.mistakes();
        let mut table = Table::new(&[
            ("class", Side::Left),
            ("taken for", Side::Left),
            ("images", Side::Right),
            ("of", Side::Right),
        ]);
        for mistake in all.iter().take(SHOWN) {
            let names = [mistake.class, mistake.named].map(&name);
            table.row(names.into_iter().chain([mistake.images, mistake.of].map(grouped)));
        }
        let more = all.len().saturating_sub(SHOWN);
        (!all.is_empty()).then_some(Mistakes { table, more })
    }

    /// A square per pair, the darker the more of the class; names and numbers where there is room for
    /// them.
    pub fn svg(&self, names: &[String]) -> String {
        let cell = (600.0 / self.classes.max(1) as f64).min(40.0);
        let text = if cell >= 12.0 { 11.0 } else { 0.0 };
        let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0) as f64;
        let (side, margin) = (cell * self.classes as f64, 30.0 + longest * text * 0.6);
        let whole = margin + side + 20.0;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {whole:.0} {whole:.0}\" \
             font-family=\"sans-serif\" font-size=\"{:.0}\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
             <text x=\"{margin:.0}\" y=\"14\">columns: named; rows: class</text>\n\
             <rect x=\"{margin:.1}\" y=\"{margin:.1}\" width=\"{side:.1}\" height=\"{side:.1}\" \
             fill=\"none\" stroke=\"#888\"/>\n",
            f64::max(text, 10.0)
        );
        let name = |class: usize| escaped(names.get(class).map_or("?", String::as_str));
        for (class, row) in self.rows().enumerate() {
            let of = row.iter().sum::<u64>().max(1);
            let y = margin + cell * class as f64;
            if text > 0.0 {
                let (end, middle) = (margin - 6.0, y + cell / 2.0);
                let column = margin + cell * (class as f64 + 0.5);
                let _ = writeln!(
                    svg,
                    "<text x=\"{end:.1}\" y=\"{:.1}\" text-anchor=\"end\">{n}</text>\
                     <text transform=\"translate({:.1} {end:.1}) rotate(-90)\">{n}</text>",
                    middle + 4.0,
                    column + 4.0,
                    n = name(class)
                );
            }
            for (named, &images) in row.iter().enumerate().filter(|(_, images)| **images > 0) {
                let color = if named == class { "#4477aa" } else { "#cc6677" };
                let (x, share) = (margin + cell * named as f64, images as f64 / of as f64);
                let _ = writeln!(
                    svg,
                    "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{cell:.1}\" height=\"{cell:.1}\" \
                     fill=\"{color}\" fill-opacity=\"{share:.3}\"><title>{} as {}: {images} of {of}\
                     </title></rect>",
                    name(class),
                    name(named)
                );
                if cell >= COUNTED {
                    // What can be read on the colors: only the darkest blue wants white.
                    let ink = if named == class && share > 0.9 { "white" } else { "#222" };
                    let (x, y) = (x + cell / 2.0, y + cell / 2.0 + 4.0);
                    let _ = writeln!(
                        svg,
                        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\" fill=\"{ink}\" \
                         pointer-events=\"none\">{images}</text>"
                    );
                }
            }
        }
        svg.push_str("</svg>\n");
        svg
    }
}
