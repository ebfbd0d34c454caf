//! Lines over an axis, as SVG: panels under each other.

use crate::diag::svg::escaped;
use std::fmt::Write;

const WIDTH: f64 = 760.0;
const PANEL: f64 = 190.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const GAP: f64 = 46.0;
/// Points of a line at most that are also dots.
const DOTS: usize = 40;
/// Names in a row of a key, and how high a row is.
const NAMES: usize = 5;
const KEY: f64 = 18.0;

pub struct Line<'a> {
    pub name: &'a str,
    pub color: &'a str,
    pub points: Vec<(f64, f64)>,
}

/// What runs from left to right.
#[derive(Debug, Clone, Copy)]
pub enum Axis {
    /// From 0 to this.
    Steps(f64),
    /// Both ends above 0; equal factors are equal lengths.
    Powers(f64, f64),
}

impl Axis {
    /// Where a value lies, from 0 to 1.
    fn place(self, x: f64) -> f64 {
        match self {
            Axis::Steps(last) => x / last,
            Axis::Powers(first, last) => (x / first).ln() / (last / first).ln(),
        }
    }

    /// Where panels of values from `least` to `most` begin: at 0 if they can, but over powers it is
    /// slopes that are looked for, not heights.
    fn low(self, least: f64, most: f64) -> f64 {
        match self {
            Axis::Powers(..) if most > least => least,
            _ => least.min(0.0),
        }
    }

    fn ticks(self) -> Vec<f64> {
        match self {
            Axis::Steps(last) => ticks(0.0, last),
            Axis::Powers(first, last) => {
                let (low, high) = (first.log10().ceil() as i32, last.log10().floor() as i32);
                (low..=high).map(|power| 10f64.powi(power)).collect()
            }
        }
    }
}

/// Panels, each with its title and its lines.
pub fn chart(panels: &[(&str, Vec<Line<'_>>)], axis: Axis) -> String {
    keyed(panels, axis, &[])
}

/// The same where lines are many: their names and colors stand below.
pub fn keyed(panels: &[(&str, Vec<Line<'_>>)], axis: Axis, key: &[(&str, &str)]) -> String {
    let below = GAP + panels.len() as f64 * (PANEL + GAP);
    let height = below + KEY * key.len().div_ceil(NAMES) as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (index, (title, lines)) in panels.iter().enumerate() {
        panel(&mut svg, GAP + index as f64 * (PANEL + GAP), title, lines, axis);
    }
    for (at, (name, color)) in key.iter().enumerate() {
        let x = LEFT + (at % NAMES) as f64 * (WIDTH - LEFT - RIGHT) / NAMES as f64;
        let (y, name) = (below + KEY * (at / NAMES) as f64, escaped(name));
        let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y}\" fill=\"{color}\">{name}</text>");
    }
    svg.push_str("</svg>\n");
    svg
}

fn panel(svg: &mut String, top: f64, title: &str, lines: &[Line<'_>], axis: Axis) {
    let values =
        || lines.iter().flat_map(|l| l.points.iter().map(|p| p.1)).filter(|v| v.is_finite());
    let high = values().fold(f64::NEG_INFINITY, f64::max);
    let low = axis.low(values().fold(f64::INFINITY, f64::min), high);
    let (low, high) = if high > low { (low, high) } else { (0.0, 1.0) };
    let ticks_y = ticks(low, high);
    let high = high.max(ticks_y.last().copied().unwrap_or(high));
    let x = |value: f64| LEFT + axis.place(value) * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| top + PANEL - (value - low) / (high - low) * PANEL;
    let _ =
        writeln!(svg, "<text x=\"{LEFT}\" y=\"{}\" font-weight=\"bold\">{title}</text>", top - 8.0);
    for tick in ticks_y {
        let at = y(tick);
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            at + 4.0,
            short(tick)
        );
    }
    for tick in axis.ticks() {
        let at = x(tick);
        let bottom = top + PANEL;
        let _ = writeln!(
            svg,
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{bottom}\" y2=\"{}\" stroke=\"#888\"/>\
             <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            bottom + 4.0,
            bottom + 17.0,
            short(tick)
        );
    }
    for (index, line) in lines.iter().enumerate() {
        let points: Vec<String> = line
            .points
            .iter()
            .filter(|p| p.1.is_finite())
            .map(|p| format!("{:.1},{:.1}", x(p.0), y(p.1)))
            .collect();
        let _ = writeln!(
            svg,
            "<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.6\" points=\"{}\"/>",
            line.color,
            points.join(" ")
        );
        // A line of one point is none: few points are dots as well.
        for (x, y) in
            points.iter().filter(|_| points.len() <= DOTS).filter_map(|p| p.split_once(','))
        {
            let _ =
                writeln!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"2\" fill=\"{}\"/>", line.color);
        }
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"{}\">{}</text>",
            WIDTH - RIGHT - 70.0 * index as f64,
            top - 8.0,
            line.color,
            line.name
        );
    }
}

/// About five round numbers from `low` to past `high`.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let raw = (high - low) / 5.0;
    let power = 10f64.powf(raw.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].map(|f| f * power).into_iter().find(|s| *s >= raw).unwrap_or(raw);
    let first = (low / step).ceil() as i64;
    let end = (high / step).floor() as i64;
    (first..=end).map(|i| i as f64 * step).collect()
}

fn short(value: f64) -> String {
    if value != 0.0 && value.abs() < 0.01 {
        format!("{value:.1e}")
    } else {
        format!("{}", (value * 1e6).round() / 1e6)
    }
}
