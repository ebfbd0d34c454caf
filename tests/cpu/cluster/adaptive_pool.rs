use super::oracle::{Given, run};
use super::{close, on_each, random};
use cluec::exec::cpu::kernels::adaptive_pool::AdaptivePool;
use cluec::graph::ops;

#[test]
fn adaptive_pool_agrees() {
    let cases = [
        ([8, 8], [4, 4], 32),
        ([7, 10], [3, 4], 24),
        ([4, 2], [7, 7], 5),
        ([1, 1], [2, 3], 17),
        ([9, 5], [1, 1], 40),
    ];
    for (map, grid, c) in cases {
        let images = 2;
        let name = format!("adaptive_pool {map:?} {grid:?}");
        let x = random(&format!("{name} x"), images * map[0] * map[1] * c);
        let dy = random(&format!("{name} dy"), images * grid[0] * grid[1] * c);
        let inputs = [Given(&[map[0], map[1], c], &x)];
        let expected = run(images, &inputs, &[], &dy, |b, x| {
            b.push("op", "", ops::AdaptivePool { grid, hooks: 1 }, x)
        });
        on_each(|set| {
            let kernel = AdaptivePool { map, grid, channels: c };
            let (mut y, mut dx) = (vec![f32::NAN; dy.len()], vec![f32::NAN; x.len()]);
            kernel.forward(images, &x, &mut y);
            close(&format!("{name} y {set}"), &y, &expected.result);
            kernel.backward(images, &dy, &mut dx, false);
            close(&format!("{name} dx {set}"), &dx, &expected.gradients[0]);
            kernel.backward(images, &dy, &mut dx, true);
            let half: Vec<f32> = dx.iter().map(|dx| dx / 2.0).collect();
            close(&format!("{name} dx added {set}"), &half, &expected.gradients[0]);
        });
    }
}
