//! Colors of clusters, and one color for what is one thing in several pictures.

use super::regions::Regions;

/// Red, green, blue.
pub type Color = [u8; 3];

/// Which colors clusters get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Palette {
    /// The eight of Okabe and Ito (2008), then sixteen found by farthest-point search: each lies as
    /// far as can be from all before it, in CIELAB and seen by the worst of normal, protanopic and
    /// deuteranopic sight (Machado et al. 2009). No two are nearer than 17.
    #[default]
    Safe,
    /// The sixteen of the published code.
    Paper,
}

const SAFE: [Color; 24] = [
    [230, 159, 0],
    [86, 180, 233],
    [0, 158, 115],
    [240, 228, 66],
    [0, 114, 178],
    [213, 94, 0],
    [204, 121, 167],
    [0, 0, 0],
    [0, 0, 255],
    [204, 255, 170],
    [0, 0, 68],
    [238, 255, 255],
    [136, 0, 0],
    [34, 34, 170],
    [68, 68, 68],
    [136, 102, 255],
    [0, 68, 102],
    [204, 170, 102],
    [204, 204, 170],
    [255, 255, 136],
    [204, 68, 68],
    [0, 0, 34],
    [255, 170, 204],
    [68, 68, 238],
];

const PAPER: [Color; 16] = [
    [255, 191, 0],
    [42, 42, 165],
    [0, 128, 0],
    [255, 0, 0],
    [0, 100, 0],
    [139, 139, 0],
    [80, 127, 255],
    [255, 248, 240],
    [255, 255, 255],
    [0, 0, 0],
    [220, 245, 245],
    [0, 0, 255],
    [71, 99, 255],
    [50, 205, 154],
    [238, 130, 238],
    [113, 179, 60],
];

impl Palette {
    pub fn colors(self) -> &'static [Color] {
        match self {
            Palette::Safe => &SAFE,
            Palette::Paper => &PAPER,
        }
    }

    /// Color `index`; they repeat where there are not so many.
    pub fn color(self, index: usize) -> Color {
        let colors = self.colors();
        colors[index % colors.len()]
    }
}

/// For every cluster of `regions` the index of its color: that of the cluster of `reference` it
/// covers the same pixels as, found greedily by intersection over union, the best pair first; what
/// is left takes the first colors that are free.
pub fn matched(regions: &Regions, reference: &Regions) -> Vec<usize> {
    let (ours, theirs) = (regions.clusters.len(), reference.clusters.len());
    let mut common = vec![0usize; ours * theirs];
    for (&a, &b) in regions.labels.iter().zip(&reference.labels) {
        common[a as usize * theirs + b as usize] += 1;
    }
    let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
    for (at, &common) in common.iter().enumerate().filter(|(_, common)| **common > 0) {
        let (a, b) = (at / theirs, at % theirs);
        let all = regions.clusters[a].pixels + reference.clusters[b].pixels - common;
        pairs.push((common as f64 / all as f64, a, b));
    }
    // Stable: of equal pairs the first.
    pairs.sort_by(|x, y| y.0.total_cmp(&x.0));
    let mut colors = vec![None; ours];
    let mut taken = vec![false; theirs];
    for (_, a, b) in pairs {
        if colors[a].is_none() && !taken[b] {
            colors[a] = Some(b);
            taken[b] = true;
        }
    }
    taken.resize(ours + theirs, false);
    let mut free = (0..taken.len()).filter(|&color| !taken[color]);
    colors.into_iter().map(|color| color.or_else(|| free.next()).unwrap_or(0)).collect()
}
