//! Pixels choose centers and clusters become their means, against sums taken plainly and in `f64`.

use super::{bound, each};
use crate::cuda::bench::sample;
use crate::cuda::oracle::close;
use cluec::exec::cuda::kernels::maps::Maps;
use cluec::exec::cuda::kernels::{cluster_mean, nearest};
use cluec::exec::cuda::tape::Pointer;
use cluec::graph::{Size, ops};

/// Centers, choices, pooled maps and the gradient of what is pooled, plainly and in `f64`.
struct Clusters {
    index: Vec<u32>,
    means: Vec<f32>,
    gradient: Vec<f32>,
}

fn clusters(maps: Maps, grid: Size, x: &[f32], g: &[f32]) -> Clusters {
    let Maps { images, size: [h, w], channels: c } = maps;
    let m = grid[0] * grid[1];
    let rows = ops::AdaptivePool::bins(h, grid[0]);
    let columns = ops::AdaptivePool::bins(w, grid[1]);
    let mut found = Clusters { index: vec![], means: vec![], gradient: vec![] };
    for image in 0..images {
        let at = |n: usize, i: usize| f64::from(x[(image * h * w + n) * c + i]);
        let mut bins: Vec<Vec<usize>> = Vec::new();
        for &(top, bottom) in &rows {
            for &(left, right) in &columns {
                bins.push(
                    (top..bottom).flat_map(|y| (left..right).map(move |x| y * w + x)).collect(),
                );
            }
        }
        let mean = |bin: &Vec<usize>, i: usize| {
            bin.iter().map(|&n| at(n, i)).sum::<f64>() / bin.len() as f64
        };
        let centers: Vec<Vec<f64>> =
            bins.iter().map(|bin| (0..c).map(|i| mean(bin, i)).collect()).collect();
        let length = |z: &Vec<f64>| z.iter().map(|x| x * x).sum::<f64>().sqrt();
        let choices: Vec<usize> = (0..h * w)
            .map(|n| {
                let score = |z: &Vec<f64>| {
                    z.iter().enumerate().map(|(i, z)| z * at(n, i)).sum::<f64>() / length(z)
                };
                let scores: Vec<f64> = centers.iter().map(score).collect();
                (0..m).fold(0, |best, k| if scores[k] > scores[best] { k } else { best })
            })
            .collect();
        let count = |k: usize| 1.0 + choices.iter().filter(|&&n| n == k).count() as f64;
        for (k, center) in centers.iter().enumerate() {
            for (i, z) in center.iter().enumerate() {
                let members = (0..h * w).filter(|&n| choices[n] == k);
                let sum: f64 = members.map(|n| at(n, i)).sum();
                found.means.push(((sum + z) / count(k)) as f32);
            }
        }
        let share = |k: usize, i: usize| f64::from(g[(image * m + k) * c + i]) / count(k);
        for (n, &choice) in choices.iter().enumerate() {
            for i in 0..c {
                let bins = bins.iter().enumerate().filter(|(_, bin)| bin.contains(&n));
                let pooled: f64 = bins.map(|(k, bin)| share(k, i) / bin.len() as f64).sum();
                found.gradient.push((share(choice, i) + pooled) as f32);
            }
        }
        found.index.extend(choices.iter().map(|&k| k as u32));
    }
    found
}

#[test]
fn clusters_agree() {
    // More centers than one tile, bins that overlap, channels that fill no tile.
    let cases = [
        ([6, 8], [3, 4], 19),
        ([5, 7], [2, 3], 40),
        ([20, 18], [10, 9], 3),
        // Several warps have a center.
        ([33, 32], [1, 3], 5),
    ];
    for (size, grid, channels) in cases {
        each("clusters", |bench, stream| {
            let (precision, images) = (bench.precision(), 2);
            let (n, m) = (images * size[0] * size[1], images * grid[0] * grid[1]);
            let x = sample(stream, n * channels, precision);
            let g = sample(stream, m * channels, precision);
            let maps = Maps { images, size, channels };
            let expected = clusters(maps, grid, &x, &g);
            let near = nearest::Nearest { maps, grid };
            let weighing = ops::Weighing::Mean;
            let (soft, own) = (false, false);
            let op = cluster_mean::ClusterMean { maps, grid, heads: 1, weighing, soft, own };
            let [px, pg] = [&x, &g].map(|data| bench.put(data));
            let index = bench.room(4 * n);
            let (o, gx) = (bench.map(m * channels), bench.map(n * channels));
            let scratch = bench.room(near.scratch().max(op.scratch()));
            near.forward(&mut bench.tape, px, index, scratch);
            let chosen = cluster_mean::Belonging { index, weights: Pointer::NULL };
            op.forward(&mut bench.tape, chosen, [px, Pointer::NULL], o);
            let from = [Pointer::NULL, Pointer::NULL, pg];
            op.backward(&mut bench.tape, chosen, from, [None, Some(gx), None], scratch);
            bench.play();
            assert_eq!(bench.read_words(index, n), expected.index);
            close("means", &bench.read(o, m * channels), &expected.means, bound(precision));
            close("x", &bench.read(gx, n * channels), &expected.gradient, bound(precision));
        });
    }
}
