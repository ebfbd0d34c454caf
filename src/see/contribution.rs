//! What a cluster is worth to a class, by taking it away and by leaving it alone (cluenet.md
//! section 10).

use super::blur::{blurred, gaussian};
use super::regions::Regions;
use crate::exec::{Evaluator, ExecError};
use crate::graph::{Size, area};
use serde::Serialize;

/// How the probability of a class depends on one cluster.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Contribution {
    /// What is lost of it where the cluster is filled with the image's mean color.
    pub drop: f64,
    /// What it is where all else is blurred.
    pub keep: f64,
    /// Half of each.
    pub score: f64,
}

/// The blur of what is not kept: taps, and standard deviation in pixels.
const BLUR: (usize, f64) = (11, 5.0);
/// Images that run together.
const TOGETHER: usize = 16;

/// Of every cluster, to the probability that the image has of `class`; `image` is `[H, W, 3]`,
/// normalized.
pub fn contributions(
    regions: &Regions,
    image: &[f32],
    class: usize,
    evaluator: &mut dyn Evaluator,
) -> Result<Vec<Contribution>, ExecError> {
    let (mean, smooth) = (mean(image), smooth(image, regions.size));
    let variants = (0..regions.clusters.len() as u32).flat_map(|cluster| {
        [
            variant(regions, image, |label, _| (label == cluster).then_some(mean)),
            variant(regions, image, |label, at| (label != cluster).then(|| smooth[at])),
        ]
    });
    let variants: Vec<Vec<f32>> = std::iter::once(image.to_vec()).chain(variants).collect();
    let mut found = Vec::with_capacity(variants.len());
    for together in variants.chunks(TOGETHER) {
        let logits = evaluator.logits(&together.concat())?;
        let classes = logits.len() / together.len();
        let of_class = |row| probabilities(row).get(class).copied().unwrap_or(0.0);
        found.extend(logits.chunks(classes.max(1)).map(of_class));
    }
    let pairs = found[1..].as_chunks::<2>().0.iter();
    Ok(pairs
        .map(|&[without, alone]| {
            let drop = found[0] - without;
            Contribution { drop, keep: alone, score: 0.5 * drop + 0.5 * alone }
        })
        .collect())
}

/// Clusters by their score, the largest first.
pub fn ranked(contributions: &[Contribution]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..contributions.len()).collect();
    order.sort_by(|&a, &b| contributions[b].score.total_cmp(&contributions[a].score));
    order
}

/// Logits as probabilities.
pub fn probabilities(logits: &[f32]) -> Vec<f64> {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights: Vec<f64> = logits.iter().map(|l| f64::from(l - max).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// The image with other colors where `color` says so, by cluster and pixel.
fn variant(
    regions: &Regions,
    image: &[f32],
    color: impl Fn(u32, usize) -> Option<[f32; 3]>,
) -> Vec<f32> {
    let pixels = image.as_chunks::<3>().0.iter().zip(&regions.labels).enumerate();
    pixels.flat_map(|(at, (&pixel, &label))| color(label, at).unwrap_or(pixel)).collect()
}

fn mean(image: &[f32]) -> [f32; 3] {
    let mut sum = [0.0f64; 3];
    for pixel in image.as_chunks::<3>().0 {
        sum.iter_mut().zip(pixel).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    sum.map(|sum| (sum / (image.len() / 3).max(1) as f64) as f32)
}

fn smooth(image: &[f32], size: Size) -> Vec<[f32; 3]> {
    let kernel = gaussian(BLUR.0, BLUR.1);
    let mut out = vec![[0.0; 3]; area(size) as usize];
    for channel in 0..3 {
        let plane: Vec<f32> = image[channel..].iter().step_by(3).copied().collect();
        let plane = blurred(&plane, size, &kernel);
        out.iter_mut().zip(plane).for_each(|(pixel, x)| pixel[channel] = x);
    }
    out
}
