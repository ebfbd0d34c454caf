//! One picture of clusters, before it is pixels or curves.

use super::blur::{blurred, even};
use super::palette::{Color, Palette};
use super::regions::Regions;
use crate::data::Image;
use crate::graph::Size;

/// How clusters are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    pub style: Style,
    pub palette: Palette,
    /// Of colors over the image, from 0 to 1.
    pub opacity: f64,
    /// Borders are smoothed as in the published pictures, which no longer shows single positions.
    pub smooth: bool,
    /// Whether the windows of a mixer are drawn.
    pub windows: bool,
}

impl Default for Look {
    fn default() -> Look {
        Look {
            style: Style::Overlay,
            palette: Palette::Safe,
            opacity: 0.55,
            smooth: false,
            windows: true,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Style {
    /// Colors over the image.
    #[default]
    Overlay,
    /// The image, and the borders of clusters in their colors.
    Outlines,
    /// Colors alone.
    Flat,
}

/// Clusters over an image, of its size.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    pub base: Image,
    /// The cluster of every pixel, and the color of every cluster.
    pub labels: Vec<u32>,
    pub colors: Vec<Color>,
    /// The window of every pixel, where windows are drawn.
    pub windows: Option<Vec<u32>>,
    pub style: Style,
    pub opacity: f64,
}

impl Picture {
    /// `colors` are places in the palette, `windows` is of the size of the regions.
    pub fn new(
        base: &Image,
        regions: &Regions,
        colors: &[usize],
        windows: Option<&[u32]>,
        look: Look,
    ) -> Picture {
        let size = [base.height, base.width];
        let labels = match look.smooth {
            true => smoothed(regions, size),
            false => enlarged(&regions.labels, regions.size, size),
        };
        let windows = windows.filter(|_| look.windows);
        Picture {
            base: base.clone(),
            labels,
            colors: colors.iter().map(|&color| look.palette.color(color)).collect(),
            windows: windows.map(|windows| enlarged(windows, regions.size, size)),
            style: look.style,
            opacity: look.opacity,
        }
    }

    /// Whether the image itself is part of it.
    pub fn shows_image(&self) -> bool {
        self.style != Style::Flat
    }

    pub fn size(&self) -> Size {
        [self.base.height, self.base.width]
    }
}

/// Every pixel takes the label that lies at its place.
fn enlarged(labels: &[u32], from: Size, to: Size) -> Vec<u32> {
    let place =
        |row: usize, column: usize| row * from[0] / to[0] * from[1] + column * from[1] / to[1];
    let rows = 0..to[0];
    rows.flat_map(|row| (0..to[1]).map(move |column| labels[place(row, column)])).collect()
}

/// Pixels over which borders are smoothed.
const SMOOTH: usize = 13;

/// The published smoothing: the mask of every cluster is averaged over a square and stretched to
/// [0, 1], and a pixel belongs to the largest. (Its power of 1.5 does nothing to a mask of 0 and 1.)
fn smoothed(regions: &Regions, size: Size) -> Vec<u32> {
    let labels = enlarged(&regions.labels, regions.size, size);
    let kernel = even(SMOOTH);
    let mut best = vec![(f32::NEG_INFINITY, 0); labels.len()];
    for cluster in 0..regions.clusters.len() as u32 {
        let mask: Vec<f32> = labels.iter().map(|&l| f32::from(u8::from(l == cluster))).collect();
        let mask = blurred(&mask, size, &kernel);
        let (low, high) = mask
            .iter()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)));
        for (best, x) in best.iter_mut().zip(mask) {
            let x = (x - low) / (high - low + 1e-6);
            if x > best.0 {
                *best = (x, cluster);
            }
        }
    }
    best.into_iter().map(|(_, cluster)| cluster).collect()
}
