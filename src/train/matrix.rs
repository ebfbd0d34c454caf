//! The confusion matrix as SVG: a square for every pair of classes.

use super::Confusion;
use crate::diag::svg::escaped;
use std::fmt::Write;

/// Pixels that all squares take beside each other, and one at most.
const WIDE: f64 = 600.0;
const SQUARE: f64 = 40.0;
/// How wide a square is in which there is room for a number.
const COUNTED: f64 = 24.0;
/// Pixels from the name of a class to the next at least: where squares are smaller, some have none.
const APART: f64 = 12.0;
/// Of letters, and about how wide one is.
const TEXT: f64 = 11.0;
const LETTER: f64 = 0.6 * TEXT;
/// What the axes are called, the longest, needs so much room.
const AXIS: f64 = 100.0;

impl Confusion {
    /// The darker a square, the more of the class; numbers where there is room for them, and the names
    /// of as many classes as there is room for.
    pub fn svg(&self, names: &[String]) -> String {
        let classes = self.rows().count();
        let square = (WIDE / classes.max(1) as f64).min(SQUARE);
        let named = step(square);
        let longest = names.iter().step_by(named).map(|name| name.chars().count()).max();
        let (side, tick) = (square * classes as f64, if named > 1 { 5.0 } else { 0.0 });
        let margin = 30.0 + longest.unwrap_or(0) as f64 * LETTER + tick;
        let whole = margin + side.max(AXIS) + 10.0;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{whole:.0}\" height=\"{whole:.0}\" \
             viewBox=\"0 0 {whole:.0} {whole:.0}\" font-family=\"sans-serif\" \
             font-size=\"{TEXT}\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
             <text x=\"{margin:.0}\" y=\"14\">predicted class</text>\n\
             <text transform=\"translate(14 {margin:.0}) rotate(-90)\" text-anchor=\"end\">true class\
             </text>\n\
             <rect x=\"{margin:.1}\" y=\"{margin:.1}\" width=\"{side:.1}\" height=\"{side:.1}\" \
             fill=\"none\" stroke=\"#888\"/>\n",
        );
        let name = |class: usize| escaped(names.get(class).map_or("?", String::as_str));
        for (class, row) in self.rows().enumerate() {
            let of = row.iter().sum::<u64>().max(1);
            let y = margin + square * class as f64;
            if class % named == 0 {
                label(&mut svg, margin, square * (class as f64 + 0.5), tick, &name(class));
            }
            for (predicted, &images) in row.iter().enumerate().filter(|(_, images)| **images > 0) {
                let right = predicted == class;
                let color = if right { "#4477aa" } else { "#cc6677" };
                let (x, share) = (margin + square * predicted as f64, images as f64 / of as f64);
                // Writing to a text does not fail.
                let _ = writeln!(
                    svg,
                    "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{square:.1}\" \
                     height=\"{square:.1}\" fill=\"{color}\" fill-opacity=\"{share:.3}\">\
                     <title>{} as {}: {images} of {of}</title></rect>",
                    name(class),
                    name(predicted)
                );
                if square >= COUNTED {
                    // What can be read on the colors: only the darkest blue wants white.
                    let ink = if right && share > 0.9 { "white" } else { "#222" };
                    let (x, y) = (x + square / 2.0, y + square / 2.0 + 4.0);
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

/// Every how many classes one has its name: 1, 2, 5, 10, 20 and so on.
fn step(square: f64) -> usize {
    let steps = (0..).flat_map(|power| [1, 2, 5].map(|step| step * 10usize.pow(power)));
    steps.take(18).find(|&step| square * step as f64 >= APART).unwrap_or(1)
}

/// The name of a class before its row and above its column, `middle` pixels into the matrix; a line
/// leads to it where others have none.
fn label(svg: &mut String, margin: f64, middle: f64, tick: f64, name: &str) {
    let (end, middle) = (margin - tick - 6.0, margin + middle);
    let _ = writeln!(
        svg,
        "<text x=\"{end:.1}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>\
         <text transform=\"translate({:.1} {end:.1}) rotate(-90)\">{name}</text>",
        middle + 4.0,
        middle + 4.0,
    );
    if tick > 0.0 {
        let (from, to) = (margin - tick - 2.0, margin - 1.0);
        let _ = writeln!(
            svg,
            "<path stroke=\"#888\" d=\"M{from:.1} {middle:.1}H{to:.1}M{middle:.1} {from:.1}V{to:.1}\"/>"
        );
    }
}
