//! Convolutions: depth-wise, alone and with the activation behind it, and dense.

use super::{bound, each};
use crate::cuda::bench::sample;
use crate::cuda::oracle::{Map, close, reference};
use cluec::exec::cuda::kernels::maps::Maps;
use cluec::exec::cuda::kernels::{conv, depthwise};
use cluec::exec::cuda::tape::Precision;
use cluec::graph::{Builder, Value, ops};

#[test]
fn depthwise_agrees() {
    for (size, channels, kernel) in [
        ([5, 6], 9, [3, 3]),
        ([4, 9], 33, [5, 1]),
        ([2, 2], 4, [3, 5]),
        // Two and four channels a thread.
        ([3, 5], 6, [3, 3]),
        ([5, 6], 12, [3, 3]),
    ] {
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
            let parts = op.parts();
            let partial = [taps, channels, channels].map(|n| bench.room(4 * parts * n));
            let tape = &mut bench.tape;
            op.forward(tape, px, weight, bias, y);
            op.backward(tape, pg, weight, gx);
            op.backward_weight(tape, [px, weight, pg], [gw, gb], scratch);
            op.partial_weight(tape, [px, weight, pg], partial);
            op.forward_gelu(tape, px, weight, bias, u);
            op.backward_gelu(tape, [px, weight, bias], inner, again);
            op.backward(tape, inner, weight, gu);
            op.backward_weight(tape, [px, weight, inner], [uw, ub], scratch);
            bench.play();
            let bound = bound(precision);
            close("value", &bench.read(y, n), &plain.value, bound);
            close("x", &bench.read(gx, n), &plain.inputs[0], bound);
            close("weight", &bench.read_wide(gw, taps), &plain.params[0], 1e-5);
            close("bias", &bench.read_wide(gb, channels), &plain.params[1], 1e-5);
            // By channel, the sum of the map's gradient: that of a bias before the convolution.
            let sums = bench.read_wide(partial[2], parts * channels);
            let by_channel = |g: &[f32]| -> Vec<f32> {
                (0..channels).map(|c| g.iter().skip(c).step_by(channels).sum()).collect()
            };
            close("x, summed", &by_channel(&sums), &by_channel(&plain.inputs[0]), 1e-5);
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
fn conv_agrees() {
    for (size, kernel, stride, pad, coords) in [
        ([6, 7], [3, 3], 2, 1, false),
        ([8, 4], [4, 4], 4, 0, false),
        // So many pixels that the gradient of the weight is summed in parts.
        ([32, 66], [3, 3], 1, 1, false),
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
            let build = |b: &mut Builder, v: &[Value]| {
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
