//! A picture as SVG: the image once, clusters as polygons.

use super::outline::{Loop, Seam, loops, seams};
use super::palette::Color;
use super::picture::{Picture, Style};
use super::raster::{DASH, LINES, png};
use crate::data::Image;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write;

impl Picture {
    /// A file of its own.
    pub fn svg(&self) -> Result<String, String> {
        let [rows, columns] = self.size();
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{columns}\" height=\"{rows}\" \
             viewBox=\"0 0 {columns} {rows}\">\n"
        );
        if self.shows_image() {
            svg.push_str(&embedded(&self.base, "")?);
        }
        self.shapes(&mut svg);
        svg.push_str("</svg>\n");
        Ok(svg)
    }

    /// The clusters and windows, to lie over the image: one group.
    pub fn shapes(&self, svg: &mut String) {
        let of_clusters = loops(&self.labels, self.size(), self.colors.len());
        // Writing to a text does not fail.
        let _ = writeln!(svg, "<g fill-rule=\"evenodd\" stroke-linejoin=\"round\">");
        for (loops, &color) in of_clusters.iter().zip(&self.colors) {
            if loops.is_empty() {
                continue;
            }
            let color = hex(color);
            let paint = match self.style {
                Style::Flat => format!("fill=\"{color}\""),
                Style::Overlay => {
                    format!("fill=\"{color}\" fill-opacity=\"{}\" stroke=\"{color}\"", self.opacity)
                }
                Style::Outlines => {
                    format!("fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"")
                }
            };
            let _ = writeln!(svg, "<path {paint} d=\"{}\"/>", path(loops));
        }
        if let Some(windows) = &self.windows {
            let lines: String = seams(windows, self.size()).iter().map(line).collect();
            let dashes = format!(" stroke-dasharray=\"{DASH}\"");
            for (color, dashes) in [("#fff", ""), ("#000", &*dashes)] {
                let _ = writeln!(
                    svg,
                    "<path fill=\"none\" stroke=\"{color}\" stroke-width=\"0.8\" \
                     stroke-opacity=\"{LINES}\"{dashes} d=\"{lines}\"/>"
                );
            }
        }
        svg.push_str("</g>\n");
    }
}

/// An image within an SVG; `id` is an attribute with a blank before it, or nothing.
pub fn embedded(image: &Image, id: &str) -> Result<String, String> {
    let bytes = STANDARD.encode(png(image)?);
    Ok(format!(
        "<image{id} width=\"{}\" height=\"{}\" href=\"data:image/png;base64,{bytes}\"/>\n",
        image.width, image.height
    ))
}

/// `#e69f00`
pub fn hex([red, green, blue]: Color) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn line(&[from, to]: &Seam) -> String {
    let [[x, y], end] = [from, to];
    if x == end[0] { format!("M{x} {y}V{}", end[1]) } else { format!("M{x} {y}H{}", end[0]) }
}

/// Lines go along one axis, then the other.
fn path(loops: &[Loop]) -> String {
    let mut path = String::new();
    for corners in loops {
        let mut last = [u32::MAX; 2];
        for (at, &[x, y]) in corners.iter().enumerate() {
            let _ = match at {
                0 => write!(path, "M{x} {y}"),
                _ if y == last[1] => write!(path, "H{x}"),
                _ => write!(path, "V{y}"),
            };
            last = [x, y];
        }
        path.push('Z');
    }
    path
}
