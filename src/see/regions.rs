//! Clusters in pixels: every map is traced back to the image through the poolings before it.
//!
//! A pixel has a position on the first map, by the stride of the embedding; from map to map the
//! position moves to the center it belongs to, or by the stride of a convolution. What is drawn of
//! a stage so follows who belongs to whom, not the grid (paper, section 4.4; cluenet.md section 10).

use super::kmeans::kmeans;
use super::record::{Clusters, Entry, Record};
use crate::graph::{Size, area};

/// A picture cut into clusters.
#[derive(Debug, Clone, PartialEq)]
pub struct Regions {
    /// Rows and columns, in pixels of the image the model takes.
    pub size: Size,
    /// The cluster of every pixel, row by row.
    pub labels: Vec<u32>,
    /// Those that have pixels.
    pub clusters: Vec<Cluster>,
    /// How many centers there were to choose from.
    pub centers: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// The centers it is made of: one, or those that were merged.
    pub centers: Vec<u32>,
    pub descriptor: Vec<f32>,
    pub pixels: usize,
}

/// The position of every pixel on the map of the stage at `index` (from 0), row by row.
pub fn positions(record: &Record, index: usize) -> Vec<u32> {
    let [height, width] = record.input;
    let mut positions: Vec<u32> = (0..(height * width) as u32).collect();
    let mut from = record.input;
    for stage in &record.stages[..=index] {
        match &stage.entry {
            Entry::Strided(stride) => {
                let to = stage.map;
                let step = |at: usize, axis: usize| (at / stride).min(to[axis] - 1);
                positions.iter_mut().for_each(|position| {
                    let at = *position as usize;
                    let (row, column) = (step(at / from[1], 0), step(at % from[1], 1));
                    *position = (row * to[1] + column) as u32;
                });
            }
            Entry::Clusters(pool) => positions
                .iter_mut()
                .for_each(|position| *position = pool.assignment[*position as usize]),
        }
        from = stage.map;
    }
    positions
}

impl Regions {
    /// What one head of a block sees; `stage`, `block` and `head` count from 0 in the record.
    pub fn of_head(record: &Record, stage: usize, block: usize, head: usize) -> Regions {
        let clusters = &record.stages[stage].blocks[block].heads[head];
        let mut labels = positions(record, stage);
        labels.iter_mut().for_each(|label| *label = clusters.assignment[*label as usize]);
        Regions::new(record.input, &labels, clusters)
    }

    /// The pixels that every center of the last cluster pooling gathered, through all poolings
    /// before it; none where no pool has clusters.
    pub fn global(record: &Record) -> Option<Regions> {
        let pools = record.stages.iter().enumerate().rev();
        let (index, pool) = pools.into_iter().find_map(|(index, stage)| match &stage.entry {
            Entry::Clusters(pool) => Some((index, pool)),
            Entry::Strided(_) => None,
        })?;
        Some(Regions::new(record.input, &positions(record, index), pool))
    }

    /// Empty clusters are dropped, the others counted anew.
    fn new(size: Size, centers: &[u32], of: &Clusters) -> Regions {
        let mut pixels = vec![0; of.count()];
        centers.iter().for_each(|&center| pixels[center as usize] += 1);
        let mut clusters = Vec::new();
        let names: Vec<u32> = pixels
            .iter()
            .enumerate()
            .map(|(center, &pixels)| {
                if pixels > 0 {
                    let descriptor = of.center(center).to_vec();
                    clusters.push(Cluster { centers: vec![center as u32], descriptor, pixels });
                }
                clusters.len().saturating_sub(1) as u32
            })
            .collect();
        let labels = centers.iter().map(|&center| names[center as usize]).collect();
        Regions { size, labels, clusters, centers: of.count() }
    }

    /// At most `k` clusters: those with similar descriptors become one, by k-means.
    pub fn merged(&self, k: usize, seed: u64) -> Regions {
        if self.clusters.len() <= k || k == 0 {
            return self.clone();
        }
        let points: Vec<&[f32]> = self.clusters.iter().map(|c| c.descriptor.as_slice()).collect();
        let found = kmeans(&points, k, seed);
        let mut clusters: Vec<Cluster> = found
            .centers
            .iter()
            .map(|center| Cluster {
                centers: Vec::new(),
                descriptor: center.iter().map(|&x| x as f32).collect(),
                pixels: 0,
            })
            .collect();
        for (cluster, &label) in self.clusters.iter().zip(&found.labels) {
            let merged = &mut clusters[label as usize];
            merged.centers.extend(&cluster.centers);
            merged.pixels += cluster.pixels;
        }
        let labels = self.labels.iter().map(|&label| found.labels[label as usize]).collect();
        Regions { labels, clusters, ..*self }.without_empty()
    }

    /// The same clusters in another order: `order[i]` is the one that becomes the `i`th.
    pub fn ordered(&self, order: &[usize]) -> Regions {
        let mut place = vec![0; order.len()];
        order.iter().enumerate().for_each(|(to, &from)| place[from] = to as u32);
        Regions {
            labels: self.labels.iter().map(|&label| place[label as usize]).collect(),
            clusters: order.iter().map(|&from| self.clusters[from].clone()).collect(),
            ..*self
        }
    }

    fn without_empty(self) -> Regions {
        let order: Vec<usize> =
            (0..self.clusters.len()).filter(|&i| self.clusters[i].pixels > 0).collect();
        if order.len() == self.clusters.len() {
            return self;
        }
        let mut place = vec![0; self.clusters.len()];
        order.iter().enumerate().for_each(|(to, &from)| place[from] = to as u32);
        Regions {
            labels: self.labels.iter().map(|&label| place[label as usize]).collect(),
            clusters: order.into_iter().map(|from| self.clusters[from].clone()).collect(),
            ..self
        }
    }

    /// The part of the picture that a cluster has.
    pub fn share(&self, cluster: usize) -> f64 {
        self.clusters[cluster].pixels as f64 / (area(self.size) as f64).max(1.0)
    }
}
