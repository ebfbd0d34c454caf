//! Every kernel against the reference executor, values and gradients, in both precisions, over sizes
//! that divide nothing.

use super::bench::{Bench, sample};
use super::machines;
use super::oracle::{Map, close, reference};
use cluec::exec::cuda::kernels::adaptive_pool::AdaptivePool;
use cluec::exec::cuda::kernels::maps::Maps;
use cluec::exec::cuda::kernels::{
    assign, attend, cluster_mean, conv, depthwise, dispatch, elementwise, ffn, gate, group_norm,
    layer_norm, linear, loss, nearest, reread, scale, update,
};
use cluec::exec::cuda::product::Dense;
use cluec::exec::cuda::tape::{Pointer, Precision};
use cluec::exec::random::{Random, Site};
use cluec::exec::{Optimizer, Parameters};
use cluec::graph::ops::{self, Rule};
use cluec::graph::{Builder, Choice, Size, Value};

/// How far results may be, in L2: rounding, and of bfloat16 that of one stored result.
fn bound(precision: Precision) -> f64 {
    match precision {
        Precision::F32 => 1e-5,
        Precision::Bf16 => 4e-3,
    }
}

/// Calls the test in both precisions on every machine there is.
fn each(name: &str, test: impl Fn(&mut Bench, &mut Random)) {
    for machine in machines() {
        for precision in [Precision::F32, Precision::Bf16] {
            println!("{name} {precision:?} {machine:?}");
            test(&mut Bench::new(machine, precision), &mut Random::named(7, name, Site::Other));
        }
    }
}

/// Of a gradient that was written and then added to itself.
fn halved(twice: &[f32]) -> Vec<f32> {
    twice.iter().map(|gx| gx / 2.0).collect()
}

#[test]
fn layer_norm_agrees() {
    for (size, channels) in [([3, 5], 40), ([2, 2], 7), ([4, 4], 96)] {
        each("layer_norm", |bench, stream| {
            let (precision, images) = (bench.precision(), 3);
            let rows = images * size[0] * size[1];
            let [x, g] = [0; 2].map(|_| sample(stream, rows * channels, precision));
            let params = [0; 2].map(|_| sample(stream, channels, Precision::F32)).to_vec();
            let expected = reference(
                |b, v| b.push("op", "", ops::LayerNorm, &[v[0]]),
                &[Map { size, channels, data: &x }],
                &params,
                &g,
            );
            let op = layer_norm::LayerNorm { rows, width: channels };
            let [px, pg] = [&x, &g].map(|data| bench.put(data));
            let [weight, bias] = [0, 1].map(|i| bench.put_wide(&params[i]));
            let [y, gx] = [0; 2].map(|_| bench.map(rows * channels));
            let [gw, gb] = [0; 2].map(|_| bench.room(4 * channels));
            let scratch = bench.room(op.scratch());
            op.forward(&mut bench.tape, px, weight, bias, y);
            for adds in [false, true] {
                op.backward(&mut bench.tape, [px, weight, pg], [gx, gw, gb], scratch, adds);
            }
            bench.play();
            let bound = bound(precision);
            close("value", &bench.read(y, rows * channels), &expected.value, bound);
            close("x", &halved(&bench.read(gx, rows * channels)), &expected.inputs[0], bound);
            close("weight", &bench.read_wide(gw, channels), &expected.params[0], 1e-5);
            close("bias", &bench.read_wide(gb, channels), &expected.params[1], 1e-5);
        });
    }
}

#[test]
fn group_norm_and_layer_scale_agree() {
    for (size, channels) in [([3, 5], 40), ([2, 2], 7), ([20, 18], 3)] {
        each("group_norm", |bench, stream| {
            let (precision, images) = (bench.precision(), 3);
            let maps = Maps { images, size, channels };
            let pixels = images * size[0] * size[1];
            let [x, g] = [0; 2].map(|_| sample(stream, pixels * channels, precision));
            let params = [0; 2].map(|_| sample(stream, channels, Precision::F32)).to_vec();
            let map = [Map { size, channels, data: &x }];
            let norm = reference(|b, v| b.push("op", "", ops::GroupNorm, v), &map, &params, &g);
            let start = 1.0;
            let build = |b: &mut Builder, v: &[Value]| b.push("op", "", ops::Scale { start }, v);
            let scaled = reference(build, &map, &params[..1], &g);
            let op = group_norm::GroupNorm(maps);
            let scale = scale::Scale { pixels, channels };
            let [px, pg] = [&x, &g].map(|data| bench.put(data));
            let [weight, bias] = [0, 1].map(|i| bench.put_wide(&params[i]));
            let [y, gx, z, gz] = [0; 4].map(|_| bench.map(pixels * channels));
            let [gw, gb, gs] = [0; 3].map(|_| bench.room(4 * channels));
            let room = bench.room(op.scratch().max(scale.scratch()));
            let tape = &mut bench.tape;
            op.forward(tape, [px, weight, bias], y, room);
            op.backward(tape, [px, weight, pg], Some(gx), [gw, gb], room);
            scale.forward(tape, px, weight, z);
            scale.backward(tape, [px, weight, pg], Some(gz), gs, room);
            bench.play();
            let bound = bound(precision);
            let numbers = pixels * channels;
            close("norm", &bench.read(y, numbers), &norm.value, bound);
            close("norm's x", &bench.read(gx, numbers), &norm.inputs[0], bound);
            close("weight", &bench.read_wide(gw, channels), &norm.params[0], 1e-5);
            close("bias", &bench.read_wide(gb, channels), &norm.params[1], 1e-5);
            close("scaled", &bench.read(z, numbers), &scaled.value, bound);
            close("scale's x", &bench.read(gz, numbers), &scaled.inputs[0], bound);
            close("scale", &bench.read_wide(gs, channels), &scaled.params[0], 1e-5);
        });
    }
}

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
fn depthwise_agrees() {
    for (size, channels, kernel) in [([5, 6], 9, [3, 3]), ([4, 9], 33, [5, 1]), ([2, 2], 4, [3, 5])]
    {
        each("depthwise", |bench, stream| {
            let (precision, images) = (bench.precision(), 2);
            let n = images * size[0] * size[1] * channels;
            let [x, g] = [0; 2].map(|_| sample(stream, n, precision));
            let taps = kernel[0] * kernel[1] * channels;
            let params = vec![
                sample(stream, taps, Precision::F32),
                sample(stream, channels, Precision::F32),
            ];
            let map = [Map { size, channels, data: &x }];
            let build = |gelu: bool| {
                reference(
                    |b, v| {
                        let y = b.push("op", "", ops::Depthwise { kernel }, &[v[0]]);
                        if gelu { b.push("gelu", "", ops::Gelu, &[y]) } else { y }
                    },
                    &map,
                    &params,
                    &g,
                )
            };
            let (plain, active) = (build(false), build(true));
            let op = depthwise::Depthwise { maps: Maps { images, size, channels }, kernel };
            let [px, pg, inner] = [&x, &g, &g].map(|data| bench.put(data));
            let [weight, bias] = [0, 1].map(|i| bench.put_wide(&params[i]));
            let [y, gx, u, again, gu] = [0; 5].map(|_| bench.map(n));
            let [gw, gb, uw, ub] = [taps, channels, taps, channels].map(|n| bench.room(4 * n));
            let scratch = bench.room(op.scratch());
            let tape = &mut bench.tape;
            op.forward(tape, px, weight, bias, y);
            op.backward(tape, pg, weight, gx);
            op.backward_weight(tape, [px, pg], [gw, gb], false, scratch);
            op.backward_weight(tape, [px, pg], [gw, gb], true, scratch);
            op.forward_gelu(tape, px, weight, bias, u);
            op.backward_gelu(tape, [px, weight, bias], inner, again);
            op.backward(tape, inner, weight, gu);
            op.backward_weight(tape, [px, inner], [uw, ub], false, scratch);
            bench.play();
            let bound = bound(precision);
            close("value", &bench.read(y, n), &plain.value, bound);
            close("x", &bench.read(gx, n), &plain.inputs[0], bound);
            // It was added twice.
            let twice = |g: &[f32]| g.iter().map(|x| 2.0 * x).collect::<Vec<f32>>();
            close("weight", &bench.read_wide(gw, taps), &twice(&plain.params[0]), 1e-5);
            close("bias", &bench.read_wide(gb, channels), &twice(&plain.params[1]), 1e-5);
            close("gelu value", &bench.read(u, n), &active.value, bound);
            close("gelu value again", &bench.read(again, n), &active.value, bound);
            close("gelu x", &bench.read(gu, n), &active.inputs[0], bound);
            // What was summed is the stored gradient of the convolution.
            let stored = bench.read(inner, n);
            let sums = reference(
                |b, v| b.push("op", "", ops::Depthwise { kernel }, &[v[0]]),
                &map,
                &params,
                &stored,
            );
            close("gelu weight", &bench.read_wide(uw, taps), &sums.params[0], 1e-5);
            close("gelu bias", &bench.read_wide(ub, channels), &sums.params[1], 1e-5);
        });
    }
}

#[test]
fn linear_agrees() {
    each("linear", |bench, stream| {
        let (precision, images, size): (_, _, Size) = (bench.precision(), 3, [3, 2]);
        let (input, output) = (5, 37);
        let rows = images * size[0] * size[1];
        let x = sample(stream, rows * input, precision);
        let g = sample(stream, rows * output, precision);
        let params =
            vec![sample(stream, input * output, precision), sample(stream, output, precision)];
        let map = [Map { size, channels: input, data: &x }];
        let op = ops::Linear { out: output, form: ops::Form::Dense };
        let expected = reference(|b, v| b.push("op", "", op, &[v[0]]), &map, &params, &g);
        let op = linear::Linear(Dense { rows, input, output });
        let [px, pg, weight, bias] = [&x, &g, &params[0], &params[1]].map(|data| bench.put(data));
        let (y, gx) = (bench.map(rows * output), bench.map(rows * input));
        let [gw, gb] = [input * output, output].map(|n| bench.room(4 * n));
        let scratch = bench.room(op.scratch());
        op.forward(&mut bench.tape, px, weight, bias, y);
        for adds in [false, true] {
            op.backward(&mut bench.tape, [px, weight, pg], Some(gx), [gw, gb], scratch, adds);
        }
        bench.play();
        close("value", &bench.read(y, rows * output), &expected.value, bound(precision));
        close("x", &halved(&bench.read(gx, rows * input)), &expected.inputs[0], bound(precision));
        close("weight", &bench.read_wide(gw, input * output), &expected.params[0], 1e-5);
        close("bias", &bench.read_wide(gb, output), &expected.params[1], 1e-5);
    });
}

#[test]
fn conv_agrees() {
    for (size, kernel, stride, pad, coords) in [
        ([6, 7], [3, 3], 2, 1, false),
        ([8, 4], [4, 4], 4, 0, false),
        // With coordinates that bfloat16 holds.
        ([9, 5], [4, 4], 4, 0, true),
    ] {
        each("conv", |bench, stream| {
            let (precision, images, channels, out) = (bench.precision(), 2, 3, 5);
            let result = [0, 1].map(|a| (size[a] + 2 * pad - kernel[a]) / stride + 1);
            let (n, m) =
                (images * size[0] * size[1] * channels, images * result[0] * result[1] * out);
            let read = channels + if coords { 2 } else { 0 };
            let taps = kernel[0] * kernel[1] * read * out;
            let x = sample(stream, n, precision);
            let g = sample(stream, m, precision);
            let params = vec![sample(stream, taps, precision), sample(stream, out, precision)];
            let map = [Map { size, channels, data: &x }];
            let op = ops::Conv { out, kernel, stride, pad };
            let build = |b: &mut cluec::graph::Builder, v: &[cluec::graph::Value]| {
                let map = match coords {
                    true => b.push("coordinates", "", ops::Coordinates, &[v[0]]),
                    false => v[0],
                };
                b.push("op", "", op.clone(), &[map])
            };
            let expected = reference(build, &map, &params, &g);
            let maps = Maps { images, size, channels };
            let op = conv::Conv { maps, coords, out, kernel, stride, pad };
            let [px, pg, weight, bias] =
                [&x, &g, &params[0], &params[1]].map(|data| bench.put(data));
            let (y, gx) = (bench.map(m), bench.map(n));
            let [gw, gb] = [taps, out].map(|n| bench.room(4 * n));
            let scratch = bench.room(op.scratch(precision));
            op.forward(&mut bench.tape, [px, weight, bias], y, scratch);
            op.backward(&mut bench.tape, [px, weight, pg], Some(gx), [gw, gb], scratch);
            bench.play();
            let bound = bound(precision);
            close("value", &bench.read(y, m), &expected.value, bound);
            // In bfloat16 the gradients of the patches are stored before they are added.
            close("x", &bench.read(gx, n), &expected.inputs[0], bound);
            close("weight", &bench.read_wide(gw, taps), &expected.params[0], 1e-5);
            close("bias", &bench.read_wide(gb, out), &expected.params[1], 1e-5);
        });
    }
}

#[test]
fn ffn_agrees() {
    for kernel in [Some([3, 3]), None] {
        each("ffn", |bench, stream| {
            let (precision, images, size): (_, _, Size) = (bench.precision(), 3, [4, 3]);
            let (channels, hidden) = (6, 20);
            let n = images * size[0] * size[1] * channels;
            let [x, g] = [0; 2].map(|_| sample(stream, n, precision));
            let mut shapes = vec![channels * hidden, hidden];
            shapes.extend(kernel.iter().flat_map(|_| [9 * hidden, hidden]));
            shapes.extend([hidden * channels, channels]);
            let params: Vec<Vec<f32>> =
                shapes.iter().map(|&count| sample(stream, count, precision)).collect();
            let build = |b: &mut cluec::graph::Builder, v: &[cluec::graph::Value]| {
                let linear = |out| ops::Linear { out, form: ops::Form::Dense };
                let mut h = b.push("expand", "", linear(hidden), &[v[0]]);
                if let Some(kernel) = kernel {
                    h = b.push("depthwise", "", ops::Depthwise { kernel }, &[h]);
                }
                h = b.push("gelu", "", ops::Gelu, &[h]);
                b.push("contract", "", linear(channels), &[h])
            };
            let map = [Map { size, channels, data: &x }];
            let expected = reference(build, &map, &params, &g);
            let maps = Maps { images, size, channels };
            let op = ffn::Ffn { maps, hidden, out: channels, kernel, chunk: Some(2) };
            let [px, pg] = [&x, &g].map(|data| bench.put(data));
            let last = params.len() - 2;
            let pair = |bench: &mut Bench, i: usize| [i, i + 1].map(|i| bench.put(&params[i]));
            let weights = ffn::Layers {
                expand: pair(bench, 0),
                depthwise: kernel.map(|_| [2, 3].map(|i| bench.put_wide(&params[i]))),
                contract: pair(bench, last),
            };
            let places: Vec<Pointer> = shapes.iter().map(|n| bench.room(4 * n)).collect();
            let gradients = ffn::Layers {
                expand: [places[0], places[1]],
                depthwise: kernel.map(|_| [places[2], places[3]]),
                contract: [places[last], places[last + 1]],
            };
            let [y, gx] = [0; 2].map(|_| bench.map(n));
            let scratch = bench.room(op.scratch(precision));
            op.forward(&mut bench.tape, px, &weights, y, scratch);
            op.backward(&mut bench.tape, [px, pg], Some(gx), &weights, &gradients, scratch);
            bench.play();
            // In bfloat16 the hidden map is stored twice on the way.
            let bound = 2.0 * bound(precision);
            close("value", &bench.read(y, n), &expected.value, bound);
            close("x", &bench.read(gx, n), &expected.inputs[0], bound);
            for (i, place) in places.iter().enumerate() {
                let found = bench.read_wide(*place, shapes[i]);
                close(&format!("parameter {i}"), &found, &expected.params[i], bound);
            }
        });
    }
}

/// A few sizes of centers, pixels, heads and head width.
const CENTERS: [(Size, Size, usize, usize); 3] =
    [([2, 2], [5, 4], 2, 8), ([7, 7], [6, 12], 1, 24), ([1, 3], [2, 9], 3, 40)];

#[test]
fn attend_agrees() {
    let scores = [
        (ops::Score::Cosine { start: 2.0, floor: 1e-4 }, Some(0.4)),
        // Below its floor the temperature is the floor and gets no gradient.
        (ops::Score::Cosine { start: 2.0, floor: 0.5 }, Some(-1.5)),
        (ops::Score::Dot, None),
    ];
    for (grid, size, heads, width) in CENTERS {
        for (score, temperature) in scores {
            each("attend", |bench, stream| {
                let (precision, images, channels) = (bench.precision(), 2, heads * width);
                let (centers, pixels) = (grid[0] * grid[1], size[0] * size[1]);
                let (m, n) = (images * centers * channels, images * pixels * channels);
                let [c, k, v, g] = [m, n, n, m].map(|count| sample(stream, count, precision));
                let params: Vec<Vec<f32>> = temperature.iter().map(|&t| vec![t]).collect();
                let map = |size, data| Map { size, channels, data };
                let op = ops::Attend { heads, score, windows: ops::Windows::WHOLE };
                let inputs = [map(grid, &c), map(size, &k), map(size, &v)];
                let expected = reference(|b, v| b.push("op", "", op, v), &inputs, &params, &g);
                let score = match score {
                    ops::Score::Cosine { floor, .. } => {
                        attend::Score::Cosine { floor: floor.ln() as f32 }
                    }
                    ops::Score::Dot => attend::Score::Dot,
                };
                let op = attend::Attend { images, centers, pixels, heads, width, score };
                let [pc, pk, pv, pg] = [&c, &k, &v, &g].map(|data| bench.put(data));
                let t = params.first().map_or(Pointer::NULL, |t| bench.put_wide(t));
                let operands =
                    attend::Operands { centers: pc, keys: pk, values: pv, temperature: t };
                let [out, gc, gk, gv] = [m, m, n, n].map(|count| bench.map(count));
                let gt = bench.room(4);
                let to = attend::Operands { centers: gc, keys: gk, values: gv, temperature: gt };
                let saved = bench.room(4 * op.saved());
                let scratch = bench.room(op.scratch());
                op.forward(&mut bench.tape, &operands, out, saved);
                op.backward(&mut bench.tape, &operands, [out, saved, pg], &to, scratch);
                bench.play();
                let bound = bound(precision);
                close("value", &bench.read(out, m), &expected.value, bound);
                close("centers", &bench.read(gc, m), &expected.inputs[0], 2.0 * bound);
                close("keys", &bench.read(gk, n), &expected.inputs[1], 2.0 * bound);
                close("values", &bench.read(gv, n), &expected.inputs[2], bound);
                if temperature.is_some() {
                    let found = bench.read_wide(gt, 1);
                    // One number that much cancels in.
                    let allowed = if precision == Precision::F32 { 1e-4 } else { 2e-2 };
                    close("temperature", &found, &expected.params[0], allowed);
                }
            });
        }
    }
}

#[test]
fn gate_agrees() {
    for (grid, _, heads, width) in CENTERS {
        each("gate", |bench, stream| {
            let (precision, images, channels) = (bench.precision(), 5, heads * width);
            let (rows, hidden) = (images * grid[0] * grid[1], width / 2);
            let n = rows * channels;
            let [soft, local, g] = [0; 3].map(|_| sample(stream, n, precision));
            let sizes = [2 * width * hidden, hidden, hidden, 1].map(|count| heads * count);
            let params = sizes.map(|count| sample(stream, count, Precision::F32)).to_vec();
            let map = |data| Map { size: grid, channels, data };
            let op = ops::Gate { heads };
            let inputs = [map(&soft), map(&local)];
            let expected = reference(|b, v| b.push("op", "", op, v), &inputs, &params, &g);
            let op = gate::Gate { rows, heads, width, hidden };
            let [ps, pl, pg] = [&soft, &local, &g].map(|data| bench.put(data));
            let weights = [0, 1, 2, 3].map(|i| bench.put_wide(&params[i]));
            let [out, gs, gl] = [0; 3].map(|_| bench.map(n));
            let gradients = sizes.map(|count| bench.room(4 * count));
            let scratch = bench.room(op.scratch());
            op.forward(&mut bench.tape, [ps, pl], weights, out);
            let tape = &mut bench.tape;
            op.backward(tape, [ps, pl, pg], weights, [gs, gl], gradients, scratch);
            bench.play();
            let bound = bound(precision);
            close("value", &bench.read(out, n), &expected.value, bound);
            close("soft", &bench.read(gs, n), &expected.inputs[0], bound);
            close("local", &bench.read(gl, n), &expected.inputs[1], bound);
            for i in 0..4 {
                let found = bench.read_wide(gradients[i], sizes[i]);
                close(&format!("parameter {i}"), &found, &expected.params[i], 2e-5);
            }
        });
    }
}

#[test]
fn assign_agrees() {
    for choice in [Choice::Hard, Choice::Soft] {
        // With a large alpha every similarity is one, and the first center wins everything.
        for (grid, size, heads, width, alpha) in CENTERS
            .map(|(grid, size, heads, width)| (grid, size, heads, width, 1.5))
            .into_iter()
            .chain([([2, 3], [3, 3], 1, 8, -2.0)])
        {
            each("assign", |bench, stream| {
                let (precision, images, channels) = (bench.precision(), 2, heads * width);
                let (centers, pixels) = (grid[0] * grid[1], size[0] * size[1]);
                let (m, n) = (images * centers * channels, images * pixels * channels);
                let [q, k] = [m, n].map(|count| sample(stream, count, precision));
                let hard = choice == Choice::Hard;
                let values = images * pixels * heads * if hard { 1 } else { centers };
                let g = sample(stream, values, precision);
                let params = vec![vec![alpha], vec![0.3]];
                let map = |size, data| Map { size, channels, data };
                let op = ops::Assign { heads, choice, windows: ops::Windows::WHOLE };
                let inputs = [map(grid, &q), map(size, &k)];
                let expected = reference(|b, v| b.push("op", "", op, v), &inputs, &params, &g);
                let op = assign::Assign { images, centers, pixels, heads, width };
                let [pq, pk, pg] = [&q, &k, &g].map(|data| bench.put(data));
                let [alpha, beta] = [0, 1].map(|i| bench.put_wide(&params[i]));
                let operands = assign::Operands { queries: pq, keys: pk, alpha, beta };
                let [gq, gk] = [m, n].map(|count| bench.map(count));
                let [ga, gb] = [0; 2].map(|_| bench.room(4));
                let to = assign::Operands { queries: gq, keys: gk, alpha: ga, beta: gb };
                let scratch = bench.room(op.scratch(!hard));
                let bound = bound(precision);
                if hard {
                    let [index, value] = [0; 2].map(|_| bench.room(4 * values));
                    op.hard(&mut bench.tape, &operands, index, value);
                    op.hard_backward(&mut bench.tape, &operands, [index, value, pg], &to, scratch);
                    bench.play();
                    assert_eq!(bench.read_words(index, values), expected.index);
                    close("value", &bench.read_wide(value, values), &expected.value, 1e-5);
                } else {
                    let weights = bench.map(values);
                    op.soft(&mut bench.tape, &operands, weights);
                    op.soft_backward(&mut bench.tape, &operands, pg, &to, scratch);
                    bench.play();
                    close("value", &bench.read(weights, values), &expected.value, bound);
                }
                close("queries", &bench.read(gq, m), &expected.inputs[0], bound);
                close("keys", &bench.read(gk, n), &expected.inputs[1], bound);
                close("alpha", &bench.read_wide(ga, 1), &expected.params[0], 1e-4);
                close("beta", &bench.read_wide(gb, 1), &expected.params[1], 1e-4);
            });
        }
    }
}

#[test]
fn dispatch_agrees() {
    for choice in [Choice::Hard, Choice::Soft] {
        for (grid, size, heads, width) in CENTERS {
            each("dispatch", |bench, stream| {
                let (precision, images, channels) = (bench.precision(), 2, heads * width);
                let (centers, pixels) = (grid[0] * grid[1], size[0] * size[1]);
                let (m, n) = (images * centers * channels, images * pixels * channels);
                let [q, k, c, g] = [m, n, m, n].map(|count| sample(stream, count, precision));
                let params = vec![vec![1.5], vec![0.3]];
                let map = |size, data| Map { size, channels, data };
                let inputs = [map(grid, &q), map(size, &k), map(grid, &c)];
                let expected = reference(
                    |b, v| {
                        let to = b.push(
                            "assign",
                            "",
                            ops::Assign { heads, choice, windows: ops::Windows::WHOLE },
                            &v[..2],
                        );
                        b.push("op", "", ops::Dispatch, &[to, v[2]])
                    },
                    &inputs,
                    &params,
                    &g,
                );
                let first = assign::Assign { images, centers, pixels, heads, width };
                let op = dispatch::Dispatch { images, centers, pixels, heads, width };
                let [pq, pk, pc, pg] = [&q, &k, &c, &g].map(|data| bench.put(data));
                let [alpha, beta] = [0, 1].map(|i| bench.put_wide(&params[i]));
                let operands = assign::Operands { queries: pq, keys: pk, alpha, beta };
                let [y, gq, gk, gc] = [n, m, n, m].map(|count| bench.map(count));
                let [ga, gb] = [0; 2].map(|_| bench.room(4));
                let to = assign::Operands { queries: gq, keys: gk, alpha: ga, beta: gb };
                let hard = choice == Choice::Hard;
                let scratch = bench.room(first.scratch(!hard));
                if hard {
                    let values = images * pixels * heads;
                    let [index, value] = [0; 2].map(|_| bench.room(4 * values));
                    let slope = bench.map(values);
                    let tape = &mut bench.tape;
                    first.hard(tape, &operands, index, value);
                    op.hard(tape, [index, value], pc, y);
                    op.hard_backward(tape, [index, value], [pc, pg], [slope, gc]);
                    first.hard_backward(tape, &operands, [index, value, slope], &to, scratch);
                } else {
                    let values = images * pixels * heads * centers;
                    let [weights, slopes] = [0; 2].map(|_| bench.map(values));
                    let tape = &mut bench.tape;
                    first.soft(tape, &operands, weights);
                    op.soft(tape, weights, pc, y);
                    op.soft_backward(tape, [weights, pc, pg], [slopes, gc]);
                    first.soft_backward(tape, &operands, slopes, &to, scratch);
                }
                bench.play();
                // In bfloat16 the gradients of the similarities are stored on the way.
                let bound = 2.0 * bound(precision);
                close("value", &bench.read(y, n), &expected.value, bound);
                close("queries", &bench.read(gq, m), &expected.inputs[0], bound);
                close("keys", &bench.read(gk, n), &expected.inputs[1], bound);
                close("centers", &bench.read(gc, m), &expected.inputs[2], bound);
                // In bfloat16 the terms of this one number are rounded before they cancel.
                if precision == Precision::F32 {
                    close("alpha", &bench.read_wide(ga, 1), &expected.params[0], 1e-4);
                }
            });
        }
    }
}

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
    let cases = [([6, 8], [3, 4], 19), ([5, 7], [2, 3], 40), ([20, 18], [10, 9], 3)];
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

/// Plain, of images that are mixed, smoothed, and both; of a batch twice as large as what is here.
#[test]
fn loss_agrees() {
    for (classes, smoothing, mixed) in
        [(5, 0.0, false), (100, 0.0, true), (100, 0.1, false), (37, 0.2, true)]
    {
        each("loss", |bench, stream| {
            let (precision, images) = (bench.precision(), 9);
            let logits = sample(stream, images * classes, precision);
            let labels: Vec<u32> =
                (0..images).map(|_| stream.below(classes as u64) as u32).collect();
            // The label itself, and one share of nothing, among them.
            let others: Vec<u32> = labels.iter().map(|label| label * 2 % classes as u32).collect();
            let share = |i: usize| if mixed { 0.0625 * i as f32 } else { 0.0 };
            let shares: Vec<f32> = (0..images).map(share).collect();
            let (mut losses, mut slopes) = (Vec::new(), Vec::new());
            for (i, row) in logits.chunks(classes).enumerate() {
                let total: f64 = row.iter().map(|&x| f64::from(x).exp()).sum();
                let (label, other, share) = (labels[i], others[i], f64::from(shares[i]));
                let mut loss = 0.0;
                for (k, &x) in row.iter().enumerate() {
                    let is = |label: u32| f64::from(u8::from(k == label as usize));
                    let shown = (1.0 - share) * is(label) + share * is(other);
                    let shown = (1.0 - smoothing) * shown + smoothing / classes as f64;
                    loss -= shown * (f64::from(x) - total.ln());
                    slopes.push(((f64::from(x).exp() / total - shown) / 18.0) as f32);
                }
                losses.push(loss as f32);
            }
            let op = loss::CrossEntropy { images, classes, smoothing: smoothing as f32 };
            let x = bench.put(&logits);
            let (others, shares) = match mixed {
                true => (bench.put_words(&others), bench.put_wide(&shares)),
                false => (Pointer::NULL, Pointer::NULL),
            };
            let to = loss::Targets { labels: bench.put_words(&labels), others, shares };
            let (value, g) = (bench.room(4 * images), bench.map(images * classes));
            op.forward(&mut bench.tape, x, to, value);
            op.backward(&mut bench.tape, x, to, g, 2 * images);
            bench.play();
            close("loss", &bench.read_wide(value, images), &losses, 1e-6);
            close("logits", &bench.read(g, images * classes), &slopes, bound(precision));
        });
    }
}

#[test]
fn updates_agree_over_steps() {
    let sgd = |momentum, nesterov| Rule::Sgd { momentum, nesterov, weight_decay: 0.05 };
    for (rule, clip) in [
        (Rule::default(), None),
        (Rule::default(), Some(0.5)),
        (sgd(0.9, false), Some(0.5)),
        (sgd(0.9, true), None),
        (sgd(0.0, false), None),
    ] {
        each("update", |bench, stream| {
            let sizes = [3, 500, 64];
            let n: usize = sizes.iter().sum();
            let mut parameters =
                Parameters(sizes.map(|n| sample(stream, n, Precision::F32)).to_vec());
            let decays = vec![true, false, true];
            let average = clip.map(|_| ops::Average { decay: 0.7, warmup: true });
            let of = ops::Update { rule, clip, average };
            let mut host = Optimizer::new(of, decays.clone(), &parameters);
            let bytes: Vec<u8> = sizes
                .iter()
                .zip(&decays)
                .flat_map(|(&n, &decays)| vec![u8::from(decays); n])
                .chain([0; 4])
                .collect();
            let words: Vec<u32> =
                bytes.as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b)).collect();
            let p = bench.put_wide(&parameters.0.concat());
            let kept: Vec<Pointer> =
                rule.kept().iter().map(|_| bench.put_wide(&vec![0.0; n])).collect();
            let decays = bench.put_words(&words);
            let mean = match average {
                None => Pointer::NULL,
                Some(_) => bench.put_wide(&vec![0.0; n]),
            };
            let copy = match bench.precision() {
                Precision::F32 => Pointer::NULL,
                Precision::Bf16 => bench.map(n),
            };
            let op = update::Update { n, of };
            let (scratch, norm) = (bench.room(op.scratch()), bench.room(8));
            for t in 1..=3 {
                let lr = 0.01 * f64::from(t);
                let gradients = sizes.map(|n| sample(stream, n, Precision::F32)).to_vec();
                let all = gradients.concat();
                let norm_found = all.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
                // What changes from step to step is the same, whoever takes it.
                let step = bench.put_wide(&host.clone().begin(lr, 1.0).words());
                host.step(&mut parameters, &mut Parameters(gradients), lr);
                let gradients = bench.put_wide(&all);
                let (losses, images) = (bench.put_wide(&[0.5, 0.25]), 2);
                let mut state = update::State {
                    parameters: p,
                    kept: kept.clone(),
                    average: mean,
                    gradients,
                    copy,
                    decays,
                    step,
                    losses,
                    images,
                    norm,
                };
                op.step(&mut bench.tape, &state, scratch);
                bench.play();
                close("norm", &bench.read_wide(norm, 1), &[norm_found as f32], 1e-5);
                // A loss or a gradient that is none moves nothing.
                state.losses = bench.put_wide(&[0.5, f32::INFINITY]);
                op.step(&mut bench.tape, &state, scratch);
                bench.play();
                assert!(bench.read_wide(norm, 1)[0].is_nan());
                state.losses = losses;
                let mut wrong = all.clone();
                wrong[7] = f32::NAN;
                state.gradients = bench.put_wide(&wrong);
                op.step(&mut bench.tape, &state, scratch);
                bench.play();
                assert!(bench.read_wide(norm, 1)[0].is_nan());
            }
            let expected = parameters.0.concat();
            close("parameters", &bench.read_wide(p, n), &expected, 1e-6);
            for ((&at, values), name) in kept.iter().zip(&host.kept).zip(rule.kept()) {
                close(name, &bench.read_wide(at, n), &values.0.concat(), 1e-6);
            }
            if let Some(values) = &host.average {
                close("mean", &bench.read_wide(mean, n), &values.0.concat(), 1e-6);
            }
            if copy != Pointer::NULL {
                close("copy", &bench.read(copy, n), &expected, 4e-3);
            }
        });
    }
}
