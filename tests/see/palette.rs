//! Colors stay apart for those who see fewer of them, and follow clusters from picture to picture.

use cluec::see::{Cluster, Color, Palette, Regions, matched};

/// Machado, Oliveira and Fernandes (2009), severity 1, of linear red, green and blue.
const PROTAN: [[f64; 3]; 3] = [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
];
const DEUTAN: [[f64; 3]; 3] = [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.011820, 0.042940, 0.968881],
];
const NORMAL: [[f64; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

fn times(m: [[f64; 3]; 3], x: [f64; 3]) -> [f64; 3] {
    m.map(|row| row.iter().zip(x).map(|(a, b)| a * b).sum())
}

fn lab(color: Color, sight: [[f64; 3]; 3]) -> [f64; 3] {
    let linear = color.map(|c| {
        let c = f64::from(c) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    });
    let seen = times(sight, linear).map(|c| c.clamp(0.0, 1.0));
    let xyz = times(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ],
        seen,
    );
    let white = [0.95047, 1.0, 1.08883];
    let f = |i: usize| {
        let t = xyz[i] / white[i];
        if t > 0.008856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 }
    };
    [116.0 * f(1) - 16.0, 500.0 * (f(0) - f(1)), 200.0 * (f(1) - f(2))]
}

/// The smallest distance of two colors, whoever looks.
fn nearest(colors: &[Color]) -> f64 {
    let mut nearest = f64::MAX;
    for sight in [NORMAL, PROTAN, DEUTAN] {
        let seen: Vec<[f64; 3]> = colors.iter().map(|&color| lab(color, sight)).collect();
        for (i, a) in seen.iter().enumerate() {
            for b in &seen[..i] {
                let distance = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt();
                nearest = nearest.min(distance);
            }
        }
    }
    nearest
}

#[test]
fn colors_stay_apart_for_every_eye() {
    let (safe, paper) = (nearest(Palette::Safe.colors()), nearest(Palette::Paper.colors()));
    println!("nearest two: {safe:.1} safe, {paper:.1} of the paper");
    assert!(safe >= 17.0 && paper < 10.0, "{safe} {paper}");
    // They go round.
    assert_eq!(Palette::Paper.color(16), Palette::Paper.color(0));
}

fn regions(labels: &[u32]) -> Regions {
    let count = labels.iter().max().unwrap() + 1;
    let cluster = |label: u32| Cluster {
        centers: vec![label],
        descriptor: Vec::new(),
        pixels: labels.iter().filter(|&&l| l == label).count(),
    };
    Regions {
        size: [1, labels.len()],
        labels: labels.to_vec(),
        clusters: (0..count).map(cluster).collect(),
        centers: count as usize,
    }
}

#[test]
fn a_cluster_keeps_the_color_of_what_it_covers() {
    let reference = regions(&[0, 0, 0, 1, 1, 2, 2, 2]);
    assert_eq!(matched(&reference, &reference), [0, 1, 2]);
    // Counted in another order, and moved by a pixel.
    assert_eq!(matched(&regions(&[2, 2, 2, 2, 0, 1, 1, 1]), &reference), [1, 2, 0]);
    // One cluster more than there are colors to keep: it takes the next.
    assert_eq!(matched(&regions(&[0, 0, 3, 1, 1, 2, 2, 2]), &reference), [0, 1, 2, 3]);
    // One less: the colors of what is gone stay free.
    assert_eq!(matched(&regions(&[0, 0, 0, 0, 0, 1, 1, 1]), &reference), [0, 2]);
}
