//! How well clusters follow an object whose pixels are known.

use super::record::Record;
use super::regions::Regions;
use super::sight::Show;
use serde::Serialize;

/// Intersection over union with a mask.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Overlap {
    /// Of the best single cluster.
    pub cluster: f64,
    /// Of the best union of clusters.
    pub union: f64,
}

/// `mask` is 1 where the object is, `[rows * columns]` like the labels.
pub fn overlap(regions: &Regions, mask: &[u8]) -> Overlap {
    let mut counts = vec![[0usize; 2]; regions.clusters.len()];
    for (&label, &inside) in regions.labels.iter().zip(mask) {
        counts[label as usize][usize::from(inside == 0)] += 1;
    }
    let object: usize = counts.iter().map(|[inside, _]| inside).sum();
    let ratio = |inside: usize, outside: usize| inside as f64 / (object + outside).max(1) as f64;
    let best = |found: &mut dyn Iterator<Item = f64>| found.fold(0.0, f64::max);
    let cluster = best(&mut counts.iter().map(|&[inside, outside]| ratio(inside, outside)));
    // A cluster belongs to the best union exactly if enough of it lies inside: the union is one of
    // those that grow by the cluster with the largest part inside.
    let part = |[inside, outside]: [usize; 2]| inside as f64 / (inside + outside).max(1) as f64;
    counts.sort_by(|&a, &b| part(b).total_cmp(&part(a)));
    let mut sum = [0, 0];
    let union = best(&mut counts.iter().map(|&[inside, outside]| {
        sum = [sum[0] + inside, sum[1] + outside];
        ratio(sum[0], sum[1])
    }));
    Overlap { cluster, union }
}

/// The mean over images, of one map.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// `stage1.block1 head 2`, `all stages`, `all stages, k 5`.
    pub name: String,
    pub images: usize,
    #[serde(flatten)]
    pub overlap: Overlap,
}

/// Overlaps while images come in.
#[derive(Debug, Default)]
pub struct Overlaps {
    images: usize,
    lines: Vec<(String, Overlap)>,
}

impl Overlaps {
    /// Takes in an image and its object; all images are of one model. Heads are taken as they are,
    /// the last map also merged by k-means. Of the stages, blocks and heads those that are asked for; else
    /// of the blocks those that make an assignment.
    pub fn add(&mut self, record: &Record, mask: &[u8], show: &Show) {
        let mut found = Vec::new();
        let asked = |asked: Option<usize>, number: usize| asked.is_none_or(|one| one == number);
        for (index, stage) in record.stages.iter().enumerate() {
            if !asked(show.stage, stage.number) {
                continue;
            }
            for (at, block) in stage.blocks.iter().enumerate() {
                let own = block.assigned_by == block.number;
                if !show.block.map_or(own, |number| number == block.number) {
                    continue;
                }
                for head in (0..block.heads.len()).filter(|head| asked(show.head, head + 1)) {
                    let regions = Regions::of_head(record, index, at, head);
                    let name =
                        format!("stage{}.block{} head {}", stage.number, block.number, head + 1);
                    found.push((name, overlap(&regions, mask)));
                }
            }
        }
        if let Some(regions) = Regions::global(record) {
            found.push(("all stages".to_string(), overlap(&regions, mask)));
            for &k in &show.ks {
                let merged = regions.merged(k, show.seed);
                found.push((format!("all stages, k {k}"), overlap(&merged, mask)));
            }
        }
        let object = mask.iter().filter(|&&inside| inside > 0).count() as f64;
        let whole = object / mask.len().max(1) as f64;
        found.push(("one cluster of all".to_string(), Overlap { cluster: whole, union: whole }));
        self.images += 1;
        if self.lines.is_empty() {
            self.lines = found;
            return;
        }
        for ((_, sum), (_, overlap)) in self.lines.iter_mut().zip(found) {
            sum.cluster += overlap.cluster;
            sum.union += overlap.union;
        }
    }

    pub fn finish(self) -> Vec<Line> {
        let n = self.images.max(1) as f64;
        let mean = |sum: Overlap| Overlap { cluster: sum.cluster / n, union: sum.union / n };
        let lines = self.lines.into_iter();
        lines.map(|(name, sum)| Line { name, images: self.images, overlap: mean(sum) }).collect()
    }
}
