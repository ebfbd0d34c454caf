use super::oracle::{Given, run};
use super::{close, on_each, random};
use cluec::exec::cpu::kernels::cluster_mean::ClusterMean;
use cluec::exec::cpu::kernels::nearest::Nearest;
use cluec::graph::ops;

/// Pixels of one map choose centers, another map is averaged.
#[test]
fn nearest_and_cluster_mean_agree() {
    let cases = [
        ([8, 8], [4, 4], 32, 32),
        ([14, 10], [7, 5], 24, 40),
        ([9, 12], [6, 10], 5, 3),
        ([2, 1], [1, 1], 1, 16),
    ];
    for (map, grid, d, c) in cases {
        let images = 2;
        let [m, n] = [grid, map].map(|[h, w]| images * h * w);
        let name = format!("cluster_mean {map:?} {grid:?}");
        let of = |what: &str, count| random(&format!("{name} {what}"), count);
        let (compared, pooled, dy) = (of("x", n * d), of("v", n * c), of("dy", m * c));
        let inputs = [Given(&[map[0], map[1], d], &compared), Given(&[map[0], map[1], c], &pooled)];
        let expected = run(images, &inputs, &[], &dy, |b, x| {
            let index =
                b.push("nearest", "", ops::Nearest { grid, windows: ops::Windows::WHOLE }, &x[..1]);
            b.push("op", "", ops::ClusterMean { weighing: ops::Weighing::Mean }, &[index, x[1]])
        });
        on_each(|set| {
            let nearest = Nearest { map, grid, channels: d };
            let mut index = vec![u32::MAX; n];
            let mut scratch = vec![f32::NAN; nearest.scratch()];
            nearest.forward(images, &compared, &mut index, &mut scratch);

            let kernel = ClusterMean { map, grid, channels: c };
            let (mut y, mut dx) = (vec![f32::NAN; m * c], vec![f32::NAN; n * c]);
            let mut scratch = vec![f32::NAN; kernel.scratch()];
            kernel.forward(images, &index, &pooled, &mut y, &mut scratch);
            close(&format!("{name} {set}"), &y, &expected.result);
            scratch.fill(f32::NAN);
            kernel.backward(images, &index, &dy, &mut dx, &mut scratch);
            close(&format!("{name} gradient {set}"), &dx, &expected.gradients[1]);
            assert!(expected.gradients[0].iter().all(|&g| g == 0.0));
        });
    }
}

/// Centers that are all the same: every pixel chooses the first.
#[test]
fn equal_centers_lose_to_the_first() {
    on_each(|set| {
        let kernel = Nearest { map: [4, 5], grid: [7, 6], channels: 3 };
        let x: Vec<f32> = (0..60).map(|i| [1.0, -2.0, 0.5][i % 3]).collect();
        let mut index = vec![u32::MAX; 20];
        let mut scratch = vec![f32::NAN; kernel.scratch()];
        kernel.forward(1, &x, &mut index, &mut scratch);
        assert_eq!(index, [0; 20], "{set}");
    });
}
