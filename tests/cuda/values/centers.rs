//! Pixels meet centers: attention, the gate, assignment and dispatch.

use super::{bound, each};
use crate::cuda::bench::sample;
use crate::cuda::oracle::{Map, close, reference};
use cluec::exec::cuda::kernels::{assign, attend, dispatch, gate};
use cluec::exec::cuda::tape::{Pointer, Precision};
use cluec::graph::{Choice, Size, ops};

/// A few sizes of centers, pixels, heads and head width; of the widest, few centers fit into a block.
const CENTERS: [(Size, Size, usize, usize); 7] = [
    ([2, 2], [5, 4], 2, 8),
    ([7, 7], [6, 12], 1, 24),
    ([1, 3], [2, 9], 3, 40),
    ([6, 5], [2, 5], 1, 392),
    // So many pixels that several warps have a center.
    ([3, 3], [21, 19], 2, 8),
    ([1, 3], [28, 40], 1, 6),
    ([2, 2], [16, 19], 1, 40),
];

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
                let saved = bench.room(4 * images * heads * centers);
                let scratch = bench.room(op.scratch());
                op.forward(&mut bench.tape, &operands, [out, saved]);
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
            let mut params = sizes.map(|count| sample(stream, count, Precision::F32)).to_vec();
            // Otherwise a wide gate is open or shut, and rounding decides which.
            if width > 100 {
                params[0].iter_mut().for_each(|weight| *weight /= (2.0 * width as f32).sqrt());
                params[2].iter_mut().for_each(|weight| *weight /= (hidden as f32).sqrt());
            }
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
