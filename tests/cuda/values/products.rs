//! Linear layers and perceptrons.

use super::{bound, each, halved};
use crate::cuda::bench::{Bench, sample};
use crate::cuda::oracle::{Map, close, reference};
use cluec::exec::cuda::kernels::maps::Maps;
use cluec::exec::cuda::kernels::{elementwise, ffn, linear};
use cluec::exec::cuda::product::{Dense, Operand, Product};
use cluec::exec::cuda::tape::Pointer;
use cluec::graph::{Builder, Size, Value, ops};

/// Of maps; over the pixels of the larger ones a gradient is summed in parts.
const SIZES: [Size; 2] = [[4, 3], [32, 64]];

#[test]
fn linear_agrees() {
    for size in SIZES {
        linear(3, size);
    }
}

/// As a head computes for a batch of one image.
#[test]
fn linear_of_one_row_agrees() {
    linear(1, [1, 1]);
}

fn linear(images: usize, size: Size) {
    each("linear", |bench, stream| {
        let precision = bench.precision();
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
        assert_eq!(op.0.parts(), if rows > 1024 { 6 } else { 1 });
        let [px, pg, weight, bias] = [&x, &g, &params[0], &params[1]].map(|data| bench.put(data));
        let (y, gx) = (bench.map(rows * output), bench.map(rows * input));
        let [gw, gb] = [input * output, output].map(|n| bench.room(4 * n));
        let scratch = bench.room(op.scratch());
        op.forward(&mut bench.tape, px, weight, bias, y);
        // The bias by a kernel of ours, as where the library does not add it.
        let apart = bench.map(rows * output);
        let (a, b) = (Operand::plain(px), Operand::plain(weight));
        bench.tape.product(Product::plain([rows, output, input], a, b, apart));
        elementwise::bias(&mut bench.tape, bias, apart, rows, output);
        for adds in [false, true] {
            op.backward(&mut bench.tape, [px, weight, pg], Some(gx), [gw, gb], scratch, adds);
        }
        bench.play();
        close("value", &bench.read(y, rows * output), &expected.value, bound(precision));
        let apart = bench.read(apart, rows * output);
        close("bias apart", &apart, &expected.value, 2.0 * bound(precision));
        close("x", &halved(&bench.read(gx, rows * input)), &expected.inputs[0], bound(precision));
        close("weight", &bench.read_wide(gw, input * output), &expected.params[0], 1e-5);
        close("bias", &bench.read_wide(gb, output), &expected.params[1], 1e-5);
    });
}

#[test]
fn ffn_agrees() {
    let cases = [Some([3, 3]), None].map(|kernel| SIZES.map(|size| (kernel, size)));
    for (kernel, size) in cases.into_iter().flatten() {
        each("ffn", |bench, stream| {
            let (precision, images) = (bench.precision(), 3);
            let (channels, hidden) = (6, 20);
            let n = images * size[0] * size[1] * channels;
            let [x, g] = [0; 2].map(|_| sample(stream, n, precision));
            let mut shapes = vec![channels * hidden, hidden];
            shapes.extend(kernel.iter().flat_map(|_| [9 * hidden, hidden]));
            shapes.extend([hidden * channels, channels]);
            let params: Vec<Vec<f32>> =
                shapes.iter().map(|&count| sample(stream, count, precision)).collect();
            let build = |b: &mut Builder, v: &[Value]| {
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
