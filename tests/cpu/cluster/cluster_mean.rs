//! Centers as the mean of their pixels, by the nearest or by an assignment.

use super::oracle::{Given, run};
use super::{close, close_within, on_each, random};
use cluec::exec::cpu::kernels::adaptive_pool::AdaptivePool;
use cluec::exec::cpu::kernels::assign::{self, Assign};
use cluec::exec::cpu::kernels::cluster_mean::{Belonging, ClusterMean, Saved};
use cluec::exec::cpu::kernels::meeting::Chosen;
use cluec::exec::cpu::kernels::nearest::Nearest;
use cluec::exec::cpu::kernels::windowed::Windowed;
use cluec::graph::ops::{self, Weighing, Windows};
use cluec::graph::{Choice, area};

const IMAGES: usize = 2;

/// Pixels of one map choose centers, another map is averaged.
#[test]
fn nearest_and_cluster_mean_agree() {
    let cases = [
        ([8, 8], [4, 4], [1, 1], 32, 32),
        ([14, 10], [7, 5], [1, 1], 24, 40),
        ([9, 12], [6, 10], [1, 1], 5, 3),
        ([2, 1], [1, 1], [1, 1], 1, 16),
        ([8, 12], [4, 6], [4, 2], 8, 24),
    ];
    for (map, grid, windows, d, c) in cases {
        let windows = Windows(windows);
        let [m, n] = [grid, map].map(|size| IMAGES * area(size) as usize);
        let name = format!("cluster_mean {map:?} {grid:?}");
        let of = |what: &str, count| random(&format!("{name} {what}"), count);
        let (compared, pooled, dy) = (of("x", n * d), of("v", n * c), of("dy", m * c));
        let inputs = [Given(&[map[0], map[1], d], &compared), Given(&[map[0], map[1], c], &pooled)];
        let expected = run(IMAGES, &inputs, &[], &dy, |b, x| {
            let index = b.push("nearest", "", ops::Nearest { grid, windows }, &x[..1]);
            b.push("op", "", ops::ClusterMean { weighing: Weighing::Mean }, &[index, x[1]])
        });
        on_each(|set| {
            let kernel = Nearest { map: windows.of(map), grid: windows.of(grid), channels: d };
            let nearest = Windowed { kernel, windows };
            let mut index = vec![u32::MAX; n];
            let mut scratch = vec![f32::NAN; nearest.scratch()];
            nearest.forward(IMAGES, &compared, &mut index, &mut scratch);

            let weighing = Weighing::Mean;
            let kernel = ClusterMean { map, grid, channels: c, heads: 1, weighing };
            let pool = AdaptivePool { map, grid, channels: c };
            let belonging = Belonging::Hard(&index, &[]);
            let (mut y, mut dx) = (vec![f32::NAN; m * c], vec![f32::NAN; n * c]);
            let mut scratch = vec![f32::NAN; kernel.scratch()];
            pool.forward(IMAGES, &pooled, &mut y);
            kernel.forward(IMAGES, belonging, &pooled, &mut y, &mut scratch);
            close(&format!("{name} {set}"), &y, &expected.result);
            scratch.fill(f32::NAN);
            let mut down = vec![f32::NAN; m * c];
            kernel.backward_own(IMAGES, belonging, &dy, &mut down, &mut scratch);
            pool.backward(IMAGES, &down, &mut dx, false);
            let saved = Saved { belonging, x: &[], result: &[], down: &down };
            kernel.backward(IMAGES, saved, &mut dx, &mut []);
            close(&format!("{name} gradient {set}"), &dx, &expected.gradients[1]);
            assert!(expected.gradients[0].iter().all(|&g| g == 0.0));
        });
    }
}

/// What pixels count in their centers, where an assignment says which these are.
#[test]
fn cluster_means_by_an_assignment_agree() {
    let weighings = [
        (Weighing::Mean, Choice::Hard),
        (Weighing::Weighted, Choice::Hard),
        (Weighing::Mixed, Choice::Hard),
        (Weighing::Weighted, Choice::Soft),
    ];
    let sizes = [([6, 8], [3, 4], [1, 1], 2, 24, 36), ([4, 6], [4, 3], [2, 3], 3, 15, 21)];
    for ((weighing, choice), sizes) in weighings.into_iter().flat_map(|w| sizes.map(|s| (w, s))) {
        let (map, grid, windows, heads, d, c) = sizes;
        let windows = Windows(windows);
        let [m, n] = [grid, map].map(|size| IMAGES * area(size) as usize);
        let name = format!("{weighing:?} {choice:?} {heads}");
        let of = |what: &str, count| random(&format!("{name} {what}"), count);
        let (queries, keys) = (of("queries", m * d), of("keys", n * d));
        let (pooled, own, dy) = (of("v", n * c), of("z", m * c), of("dy", m * c));
        let inputs = [
            Given(&[grid[0], grid[1], d], &queries),
            Given(&[map[0], map[1], d], &keys),
            Given(&[map[0], map[1], c], &pooled),
            Given(&[grid[0], grid[1], c], &own),
        ];
        let (alpha, beta) = (1.4, -0.3);
        let expected = run(IMAGES, &inputs, &[&[alpha], &[beta]], &dy, |b, x| {
            let assign = ops::Assign { heads, choice, windows };
            let assignment = b.push("assign", "", assign, &x[..2]);
            b.push("op", "", ops::ClusterMean { weighing }, &[assignment, x[2], x[3]])
        });
        on_each(|set| {
            let name = format!("{name} {set}");
            let (within, of_grid) = (windows.of(map), windows.of(grid));
            let kernel = Assign { map: within, grid: of_grid, channels: d, heads };
            let assign = Windowed { kernel, windows };
            let inputs = assign::Inputs { queries: &queries, keys: &keys, alpha, beta };
            let kernel = ClusterMean { map, grid, channels: c, heads, weighing };
            let mut scratch = vec![f32::NAN; assign.scratch(choice).max(kernel.scratch())];
            let mut index = vec![u32::MAX; n * heads];
            let weights = if choice == Choice::Soft { m / IMAGES } else { 1 };
            let mut weight = vec![f32::NAN; n * heads * weights];
            match choice {
                Choice::Hard => {
                    assign.hard_forward(IMAGES, inputs, &mut index, &mut weight, &mut scratch);
                }
                Choice::Soft => assign.soft_forward(IMAGES, inputs, &mut weight, &mut scratch),
            }
            let belonging = match choice {
                Choice::Hard => Belonging::Hard(&index, &weight),
                Choice::Soft => Belonging::Soft(&weight),
            };
            let mut y = own.clone();
            scratch.fill(f32::NAN);
            kernel.forward(IMAGES, belonging, &pooled, &mut y, &mut scratch);
            close(&name, &y, &expected.result);

            let (mut down, mut dx) = (vec![f32::NAN; m * c], vec![0.0; n * c]);
            let mut dweight = vec![f32::NAN; weight.len()];
            scratch.fill(f32::NAN);
            kernel.backward_own(IMAGES, belonging, &dy, &mut down, &mut scratch);
            let saved = Saved { belonging, x: &pooled, result: &y, down: &down };
            kernel.backward(IMAGES, saved, &mut dx, &mut dweight);
            close(&format!("{name} dx"), &dx, &expected.gradients[2]);
            close(&format!("{name} own"), &down, &expected.gradients[3]);
            if weighing == Weighing::Mean {
                assert!(expected.gradients[..2].iter().flatten().all(|&g| g == 0.0));
                return;
            }
            let (mut dqueries, mut dkeys) = (vec![f32::NAN; m * d], vec![f32::NAN; n * d]);
            let (mut dalpha, mut dbeta) = (0.0, 0.0);
            let to = assign::Gradients {
                queries: &mut dqueries,
                keys: &mut dkeys,
                alpha: &mut dalpha,
                beta: &mut dbeta,
            };
            let mut scratch = vec![f32::NAN; assign.backward_scratch(choice)];
            match choice {
                Choice::Hard => {
                    let chosen = Chosen { index: &index, weight: &weight };
                    assign.hard_backward(IMAGES, inputs, chosen, &dweight, to, &mut scratch);
                }
                Choice::Soft => {
                    assign.soft_backward(IMAGES, inputs, &dweight, to, &mut scratch);
                }
            }
            close(&format!("{name} queries"), &dqueries, &expected.gradients[0]);
            close(&format!("{name} keys"), &dkeys, &expected.gradients[1]);
            // Sums over all pixels of terms that cancel.
            for (found, expected) in [dalpha, dbeta].iter().zip(&expected.gradients[4..]) {
                close_within(&format!("{name} alpha, beta"), &[*found], expected, 1e-4);
            }
        });
    }
}

/// Centers that are all the same: every pixel chooses the first, however many there are and however
/// their lengths are summed.
#[test]
fn equal_centers_lose_to_the_first() {
    for (grid, channels) in [([7, 6], 3), ([7, 7], 24), ([7, 7], 40)] {
        let pixel = random(&format!("one pixel of {channels}"), channels);
        on_each(|set| {
            // A map of one pixel: means of several would round unlike each other.
            let kernel = Nearest { map: [1, 1], grid, channels };
            let (mut index, mut scratch) = ([u32::MAX], vec![f32::NAN; kernel.scratch()]);
            kernel.forward(1, &pixel, &mut index, &mut scratch);
            assert_eq!(index, [0], "{set}, {channels}");
        });
    }
}
