//! How clusters are used over a data set: how many of the centers, how evenly, and whether heads
//! divide a map alike.

use super::record::{Clusters, Entry, Record};
use crate::diag::table::{Side, Table};
use crate::graph::ops::Windows;
use serde::Serialize;

/// One line for every assignment of a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statistics {
    pub images: usize,
    pub parts: Vec<Part>,
}

/// What a block (or a pooling) does that makes an assignment of its own.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// `stage1.block1`, `stage2.pool`.
    pub name: String,
    pub heads: Vec<Head>,
    /// The adjusted Rand index of two heads, the mean over all pairs and images: 1 where they
    /// divide the positions alike, 0 where they do by chance. None of one head.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Head {
    /// Of the whole map.
    pub centers: usize,
    /// In which positions and centers meet: a position chooses among the centers of its own.
    pub windows: usize,
    /// The part of them that has positions, the mean over images.
    pub occupancy: f64,
    /// How many had no position in any image.
    pub dead: usize,
    /// Of the sizes of clusters, as a part of the most there can be: 1 where all have as many
    /// positions, 0 where one has all. The mean over images (and windows).
    pub entropy: f64,
    /// As many clusters of equal size have this entropy; in a window, as no position chooses a center
    /// of another.
    pub effective: f64,
}

/// Fewer clusters than this in effect are a collapse, where there could be two or more.
const COLLAPSE: f64 = 1.5;

impl Head {
    /// Nearly every position belongs to one center.
    pub fn is_collapsed(&self) -> bool {
        self.centers > self.windows && self.effective < COLLAPSE
    }
}

impl Part {
    fn mean(&self, of: impl Fn(&Head) -> f64) -> f64 {
        self.heads.iter().map(of).sum::<f64>() / self.heads.len().max(1) as f64
    }
}

impl Statistics {
    /// A row for every head; how far the heads of a part agree stands in its first row. Where there are
    /// windows, a row says of what is counted in each of them that it is.
    pub fn table(&self) -> Table {
        let each = |head: &Head| if head.windows > 1 { " each" } else { "" };
        let mut table = Table::new(&[
            ("part", Side::Left),
            ("head", Side::Right),
            ("windows", Side::Right),
            ("centers", Side::Right),
            ("occupied", Side::Right),
            ("dead", Side::Right),
            ("entropy", Side::Right),
            ("in effect", Side::Right),
            ("heads agree", Side::Right),
        ]);
        for part in &self.parts {
            for (at, head) in part.heads.iter().enumerate() {
                let agreement = part.agreement.filter(|_| at == 0);
                table.row([
                    part.name.clone(),
                    (at + 1).to_string(),
                    head.windows.to_string(),
                    format!("{}{}", head.centers / head.windows.max(1), each(head)),
                    format!("{:.1} %", 100.0 * head.occupancy),
                    head.dead.to_string(),
                    format!("{:.3}", head.entropy),
                    format!("{:.1}{}", head.effective, each(head)),
                    agreement.map_or(String::new(), |index| format!("{index:.3}")),
                ]);
            }
        }
        table
    }

    /// Every number by its name, heads averaged (the dead added): `stage1.block1.entropy`.
    pub fn scalars(&self) -> Vec<(String, f64)> {
        let mut scalars = Vec::new();
        for part in &self.parts {
            let mut push = |what: &str, value: f64| {
                scalars.push((format!("{}.{what}", part.name), value));
            };
            push("occupancy", part.mean(|head| head.occupancy));
            push("entropy", part.mean(|head| head.entropy));
            push("dead", part.heads.iter().map(|head| head.dead as f64).sum());
            if let Some(agreement) = part.agreement {
                push("agreement", agreement);
            }
        }
        scalars
    }

    /// The heads in which clusters have collapsed: `stage1.block1 head 2`.
    pub fn collapsed(&self) -> Vec<String> {
        let name = |part: &Part, head: usize| match part.heads.len() {
            1 => part.name.clone(),
            _ => format!("{} head {}", part.name, head + 1),
        };
        self.parts
            .iter()
            .flat_map(|part| part.heads.iter().enumerate().map(move |(i, head)| (part, i, head)))
            .filter(|(_, _, head)| head.is_collapsed())
            .map(|(part, i, _)| name(part, i))
            .collect()
    }
}

/// Statistics while images come in.
#[derive(Debug, Default)]
pub struct Tally {
    images: usize,
    parts: Vec<PartTally>,
}

#[derive(Debug)]
struct PartTally {
    name: String,
    heads: Vec<HeadTally>,
    agreement: f64,
}

#[derive(Debug)]
struct HeadTally {
    windows: usize,
    used: Vec<bool>,
    occupancy: f64,
    entropy: f64,
    /// In nats.
    nats: f64,
}

impl Tally {
    /// Takes in an image; all are of one model.
    pub fn add(&mut self, record: &Record) {
        let parts = parts(record);
        if self.parts.is_empty() {
            self.parts = parts.iter().map(|(name, heads)| PartTally::new(name, heads)).collect();
        }
        self.images += 1;
        for (tally, (_, heads)) in self.parts.iter_mut().zip(parts) {
            tally.heads.iter_mut().zip(heads).for_each(|(tally, head)| tally.add(head));
            tally.agreement += agreement(heads);
        }
    }

    pub fn finish(self) -> Statistics {
        let images = self.images.max(1) as f64;
        let head = |head: HeadTally| Head {
            centers: head.used.len(),
            windows: head.windows,
            occupancy: head.occupancy / images,
            dead: head.used.iter().filter(|used| !**used).count(),
            entropy: head.entropy / images,
            effective: (head.nats / images).exp(),
        };
        let parts = self.parts.into_iter().map(|part| Part {
            agreement: (part.heads.len() > 1).then_some(part.agreement / images),
            name: part.name,
            heads: part.heads.into_iter().map(head).collect(),
        });
        Statistics { images: self.images, parts: parts.collect() }
    }
}

impl PartTally {
    fn new(name: &str, heads: &[Clusters]) -> PartTally {
        let head = |head: &Clusters| HeadTally {
            windows: Windows(head.windows).count() as usize,
            used: vec![false; head.count()],
            occupancy: 0.0,
            entropy: 0.0,
            nats: 0.0,
        };
        let heads = heads.iter().map(head).collect();
        PartTally { name: name.to_string(), heads, agreement: 0.0 }
    }
}

impl HeadTally {
    fn add(&mut self, clusters: &Clusters) {
        let mut counts = vec![0usize; clusters.count()];
        clusters.assignment.iter().for_each(|&center| counts[center as usize] += 1);
        let chosen = counts.iter().filter(|&&count| count > 0).count();
        self.occupancy += chosen as f64 / counts.len().max(1) as f64;
        self.used.iter_mut().zip(&counts).for_each(|(used, &count)| *used |= count > 0);
        let windows = Windows(clusters.windows);
        let mut by_window = vec![Vec::new(); windows.count() as usize];
        for (center, count) in counts.into_iter().enumerate() {
            let place = [center / clusters.grid[1], center % clusters.grid[1]];
            by_window[windows.at(clusters.grid, place)].push(count);
        }
        let nats = by_window.iter().map(|counts| entropy(counts)).sum::<f64>();
        let nats = nats / by_window.len().max(1) as f64;
        let most = (clusters.count() as f64 / windows.count() as f64).ln();
        self.nats += nats;
        self.entropy += if most > 0.0 { nats / most } else { 1.0 };
    }
}

/// The assignments that a model makes, with their names; one that a later block takes over counts
/// where it was made.
fn parts(record: &Record) -> Vec<(String, &[Clusters])> {
    let mut parts = Vec::new();
    for stage in &record.stages {
        if let Entry::Clusters(pool) = &stage.entry {
            parts.push((format!("stage{}.pool", stage.number), std::slice::from_ref(pool)));
        }
        let own = stage.blocks.iter().filter(|block| block.assigned_by == block.number);
        parts.extend(own.map(|block| {
            (format!("stage{}.block{}", stage.number, block.number), block.heads.as_slice())
        }));
    }
    parts
}

/// In nats.
fn entropy(counts: &[usize]) -> f64 {
    let all: usize = counts.iter().sum();
    let term = |&count: &usize| {
        let part = count as f64 / all as f64;
        -part * part.ln()
    };
    counts.iter().filter(|count| **count > 0).map(term).sum()
}

/// The mean over all pairs of heads; 0 where there is no pair.
fn agreement(heads: &[Clusters]) -> f64 {
    let pairs = (0..heads.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
    let found: Vec<f64> =
        pairs.map(|(a, b)| adjusted_rand(&heads[a].assignment, &heads[b].assignment)).collect();
    found.iter().sum::<f64>() / found.len().max(1) as f64
}

/// How far two divisions of the same things agree beyond chance (Hubert and Arabie, 1985).
pub fn adjusted_rand(a: &[u32], b: &[u32]) -> f64 {
    let both: Vec<(u32, u32)> = a.iter().copied().zip(b.iter().copied()).collect();
    let (in_a, in_b, in_both) = (pairs(a.to_vec()), pairs(b.to_vec()), pairs(both));
    let all = (a.len() * a.len().saturating_sub(1) / 2) as f64;
    let (expected, most) = (in_a * in_b / all.max(1.0), 0.5 * (in_a + in_b));
    // Both leave everything together, or everything apart.
    if most == expected { 1.0 } else { (in_both - expected) / (most - expected) }
}

/// How many pairs of things have one label.
fn pairs<T: Ord>(mut labels: Vec<T>) -> f64 {
    labels.sort_unstable();
    let runs = labels.chunk_by(|a, b| a == b);
    runs.map(|run| (run.len() * (run.len() - 1) / 2) as f64).sum()
}
