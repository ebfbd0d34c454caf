//! Normalizations, and the scale of a layer.

use super::{bound, each, halved};
use crate::cuda::bench::sample;
use crate::cuda::oracle::{Map, close, reference};
use cluec::exec::cuda::kernels::maps::Maps;
use cluec::exec::cuda::kernels::{group_norm, layer_norm, scale};
use cluec::exec::cuda::tape::Precision;
use cluec::graph::{Builder, Value, ops};

#[test]
fn layer_norm_agrees() {
    let cases =
        [([3, 5], 40), ([2, 2], 7), ([4, 4], 96), ([7, 5], 32), ([2, 3], 160), ([1, 3], 196)];
    for (size, channels) in cases {
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
