//! One map becomes another: readings, coordinates, means, poolings, activations, dropped paths.

use super::{bound, each, halved};
use crate::cuda::bench::sample;
use crate::cuda::oracle::{Map, close, reference};
use cluec::exec::cuda::kernels::adaptive_pool::AdaptivePool;
use cluec::exec::cuda::kernels::maps::Maps;
use cluec::exec::cuda::kernels::{elementwise, reread};
use cluec::graph::{Size, ops};

#[test]
fn another_reading_agrees() {
    let (size, channels, images): (Size, _, _) = ([4, 6], 20, 2);
    for (map, from, to) in [([4, 6], 1, 20), ([2, 3], 20, 8), ([2, 6], 5, 2), ([8, 6], 4, 10)] {
        each("reread", |bench, stream| {
            let (precision, n) = (bench.precision(), images * 24 * channels);
            let [x, g] = [0; 2].map(|_| sample(stream, n, precision));
            let op = ops::Reread { map, from, to };
            let given = [Map { size, channels, data: &x }];
            let expected = reference(|b, v| b.push("op", "", op, v), &given, &[], &g);
            let pixels = map[0] * map[1];
            let op = reread::Reread {
                images,
                from: reread::Reading { pixels: 24, channels, blocks: from },
                to: reread::Reading { pixels, channels: 24 * channels / pixels, blocks: to },
            };
            let [px, pg] = [&x, &g].map(|data| bench.put(data));
            let [y, gx] = [0; 2].map(|_| bench.map(n));
            op.forward(&mut bench.tape, px, y);
            op.backward(&mut bench.tape, pg, gx);
            bench.play();
            assert_eq!(bench.read(y, n), expected.value);
            assert_eq!(bench.read(gx, n), expected.inputs[0]);
        });
    }
}

#[test]
fn maps_agree() {
    let (size, channels, images): (Size, _, _) = ([5, 7], 3, 2);
    let maps = Maps { images, size, channels };
    let pixels = images * size[0] * size[1];
    each("coordinates", |bench, stream| {
        let precision = bench.precision();
        let x = sample(stream, pixels * 3, precision);
        let g = sample(stream, pixels * 5, precision);
        let map = [Map { size, channels, data: &x }];
        let expected = reference(|b, v| b.push("op", "", ops::Coordinates, &[v[0]]), &map, &[], &g);
        let [px, pg] = [&x, &g].map(|data| bench.put(data));
        let (y, gx) = (bench.map(pixels * 5), bench.map(pixels * 3));
        maps.coordinates(&mut bench.tape, px, y);
        maps.coordinates_backward(&mut bench.tape, pg, gx);
        bench.play();
        close("value", &bench.read(y, pixels * 5), &expected.value, bound(precision));
        close("x", &bench.read(gx, pixels * 3), &expected.inputs[0], bound(precision));
    });
    each("mean", |bench, stream| {
        let precision = bench.precision();
        let x = sample(stream, pixels * 3, precision);
        let g = sample(stream, images * 3, precision);
        let map = [Map { size, channels, data: &x }];
        let expected = reference(|b, v| b.push("op", "", ops::Mean, &[v[0]]), &map, &[], &g);
        let [px, pg] = [&x, &g].map(|data| bench.put(data));
        let (y, gx) = (bench.map(images * 3), bench.map(pixels * 3));
        maps.mean(&mut bench.tape, px, y);
        maps.mean_backward(&mut bench.tape, pg, gx);
        bench.play();
        close("value", &bench.read(y, images * 3), &expected.value, bound(precision));
        close("x", &bench.read(gx, pixels * 3), &expected.inputs[0], bound(precision));
    });
    // Bins that divide the map, that do not, and more bins than positions.
    for grid in [[2, 3], [1, 7], [9, 4]] {
        each("adaptive_pool", |bench, stream| {
            let precision = bench.precision();
            let centers = images * grid[0] * grid[1] * channels;
            let x = sample(stream, pixels * 3, precision);
            let g = sample(stream, centers, precision);
            let map = [Map { size, channels, data: &x }];
            let op = ops::AdaptivePool { grid, hooks: 1 };
            let expected = reference(|b, v| b.push("op", "", op, &[v[0]]), &map, &[], &g);
            let op = AdaptivePool { maps, grid };
            let [px, pg] = [&x, &g].map(|data| bench.put(data));
            let (y, gx) = (bench.map(centers), bench.map(pixels * 3));
            op.forward(&mut bench.tape, px, y);
            for adds in [false, true] {
                op.backward(&mut bench.tape, pg, gx, adds);
            }
            bench.play();
            close("value", &bench.read(y, centers), &expected.value, bound(precision));
            let gx = halved(&bench.read(gx, pixels * 3));
            close("x", &gx, &expected.inputs[0], bound(precision));
        });
    }
}

#[test]
fn elementwise_agrees() {
    // Packs of four, two and one.
    for size in [[4, 3], [2, 3], [3, 3]] {
        each("gelu", |bench, stream| {
            let (precision, n) = (bench.precision(), 3 * size[0] * size[1]);
            let [x, g] = [0; 2].map(|_| sample(stream, n, precision));
            let map = [Map { size, channels: 3, data: &x }];
            let expected = reference(|b, v| b.push("op", "", ops::Gelu, &[v[0]]), &map, &[], &g);
            let [px, pg] = [&x, &g].map(|data| bench.put(data));
            let [y, gx, sum, half] = [0; 4].map(|_| bench.map(n));
            elementwise::gelu(&mut bench.tape, px, y, n);
            elementwise::gelu_backward(&mut bench.tape, px, pg, gx, n);
            elementwise::add(&mut bench.tape, px, pg, sum, 1.0, n);
            elementwise::scaled(&mut bench.tape, px, half, 0.5, n);
            bench.play();
            close("gelu", &bench.read(y, n), &expected.value, bound(precision));
            close("gelu x", &bench.read(gx, n), &expected.inputs[0], bound(precision));
            let sums: Vec<f32> = x.iter().zip(&g).map(|(a, b)| a + b).collect();
            close("add", &bench.read(sum, n), &sums, bound(precision));
            let halves: Vec<f32> = x.iter().map(|a| a * 0.5).collect();
            close("scaled", &bench.read(half, n), &halves, bound(precision));
        });
    }
}

#[test]
fn drop_path_agrees() {
    each("drop_path", |bench, stream| {
        let (precision, images, size) = (bench.precision(), 4, 6);
        let [x, branch] = [0; 2].map(|_| sample(stream, images * size, precision));
        let factors = [0.0, 1.25, 0.0, 1.25];
        let op = elementwise::DropPath { images, size };
        let place = bench.put_wide(&factors);
        let [px, pb] = [&x, &branch].map(|data| bench.put(data));
        let [sum, dropped] = [0; 2].map(|_| bench.map(images * size));
        op.residual(&mut bench.tape, [px, pb], place, sum);
        op.forward(&mut bench.tape, pb, place, dropped);
        bench.play();
        let scaled: Vec<f32> = (0..images * size).map(|i| factors[i / size] * branch[i]).collect();
        let sums: Vec<f32> = x.iter().zip(&scaled).map(|(a, b)| a + b).collect();
        close("residual", &bench.read(sum, images * size), &sums, bound(precision));
        close("drop path", &bench.read(dropped, images * size), &scaled, bound(precision));
    });
}
