//! k-means: greedy k-means++ seeding (Arthur and Vassilvitskii, 2007), then Lloyd's iterations.
//!
//! Random numbers are keyed by the seed, sums run in the order of the points: the same points give
//! the same clusters everywhere. The rules are scikit-learn's for one run (`n_init = 1`): of
//! `2 + ln k` candidates for a further center the one that leaves the least inertia is taken, and it
//! ends when no point moves, or when the centers move by less than 1e-4 of the mean variance.

use crate::exec::random::{Random, Site};

/// Points divided into clusters, none of them empty where there are as many distinct points.
#[derive(Debug, Clone, PartialEq)]
pub struct Partition {
    /// The cluster of every point.
    pub labels: Vec<u32>,
    /// Means of the clusters.
    pub centers: Vec<Vec<f64>>,
    /// The sum of squared distances from points to their centers.
    pub inertia: f64,
}

const ITERATIONS: usize = 300;
const TOLERANCE: f64 = 1e-4;

/// `points` are of one width; as many clusters as points at most.
pub fn kmeans(points: &[&[f32]], k: usize, seed: u64) -> Partition {
    let points: Vec<Vec<f64>> =
        points.iter().map(|point| point.iter().map(|&x| f64::from(x)).collect()).collect();
    let k = k.min(points.len());
    let mut random = Random::named(seed, "k-means", Site::Other);
    let mut centers = seeds(&points, k, &mut random);
    let enough = TOLERANCE * variance(&points);
    let mut labels = assigned(&points, &centers);
    for _ in 0..ITERATIONS {
        let moved = means(&points, &mut labels, k);
        let shift: f64 = moved.iter().zip(&centers).map(|(a, b)| distance(a, b)).sum();
        centers = moved;
        let now = assigned(&points, &centers);
        let same = now == labels;
        labels = now;
        if same || shift <= enough {
            break;
        }
    }
    let inertia = inertia(&points, &labels, &centers);
    Partition { labels, centers, inertia }
}

/// The first center is any point; the others are drawn by their squared distance from those before.
fn seeds(points: &[Vec<f64>], k: usize, random: &mut Random) -> Vec<Vec<f64>> {
    if k == 0 {
        return Vec::new();
    }
    let trials = 2 + (k as f64).ln() as usize;
    let mut centers = vec![points[random.below(points.len() as u64) as usize].clone()];
    let mut nearest: Vec<f64> = points.iter().map(|point| distance(point, &centers[0])).collect();
    while centers.len() < k {
        let mut best: Option<(f64, usize, Vec<f64>)> = None;
        let total: f64 = nearest.iter().sum();
        for _ in 0..trials {
            let candidate = drawn(&nearest, total * random.uniform());
            let after: Vec<f64> = points
                .iter()
                .zip(&nearest)
                .map(|(point, &before)| before.min(distance(point, &points[candidate])))
                .collect();
            let rest = after.iter().sum();
            if best.as_ref().is_none_or(|(least, ..)| rest < *least) {
                best = Some((rest, candidate, after));
            }
        }
        let Some((_, candidate, after)) = best else { break };
        centers.push(points[candidate].clone());
        nearest = after;
    }
    centers
}

/// Where the sum of `weights` passes `target`.
fn drawn(weights: &[f64], target: f64) -> usize {
    let mut sum = 0.0;
    let passed = weights.iter().position(|weight| {
        sum += weight;
        sum > target
    });
    passed.unwrap_or(weights.len() - 1)
}

/// The nearest center of every point, the first of equal ones.
fn assigned(points: &[Vec<f64>], centers: &[Vec<f64>]) -> Vec<u32> {
    let nearest = |point: &Vec<f64>| {
        let mut best = (f64::INFINITY, 0);
        for (at, center) in centers.iter().enumerate() {
            let distance = distance(point, center);
            if distance < best.0 {
                best = (distance, at as u32);
            }
        }
        best.1
    };
    points.iter().map(nearest).collect()
}

/// The means of the clusters; one that lost its points takes the point farthest from its center.
fn means(points: &[Vec<f64>], labels: &mut [u32], k: usize) -> Vec<Vec<f64>> {
    let width = points.first().map_or(0, Vec::len);
    loop {
        let (mut sums, mut counts) = (vec![vec![0.0; width]; k], vec![0usize; k]);
        for (point, &label) in points.iter().zip(&*labels) {
            counts[label as usize] += 1;
            sums[label as usize].iter_mut().zip(point).for_each(|(sum, x)| *sum += x);
        }
        for (sum, &count) in sums.iter_mut().zip(&counts) {
            sum.iter_mut().for_each(|x| *x /= count.max(1) as f64);
        }
        let Some(empty) = counts.iter().position(|&count| count == 0) else { return sums };
        let mut farthest = None;
        for (at, point) in points.iter().enumerate() {
            let label = labels[at] as usize;
            let from = distance(point, &sums[label]);
            if counts[label] > 1 && farthest.is_none_or(|(most, _)| from > most) {
                farthest = Some((from, at));
            }
        }
        // As many clusters as points at most: some cluster has two.
        let Some((_, at)) = farthest else { return sums };
        labels[at] = empty as u32;
    }
}

fn inertia(points: &[Vec<f64>], labels: &[u32], centers: &[Vec<f64>]) -> f64 {
    let pairs = points.iter().zip(labels);
    pairs.map(|(point, &label)| distance(point, &centers[label as usize])).sum()
}

/// The mean over the dimensions of the variance of the points.
fn variance(points: &[Vec<f64>]) -> f64 {
    let mut all = vec![0; points.len()];
    let mean = means(points, &mut all, 1);
    let width = points.first().map_or(1, Vec::len).max(1);
    inertia(points, &all, &mean) / (points.len().max(1) * width) as f64
}

/// Squared.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}
