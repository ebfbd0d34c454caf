//! Ops on whole maps: convolutions, pooling, coordinates, mean.

use super::writer::{Name, Writer, int, ints};
use crate::exec::published::Plain;
use crate::graph::Size;
use crate::graph::ops::{self, Conv, Depthwise};

/// ONNX convolves channels first: there and back.
fn convolve(
    w: &mut Writer,
    x: &str,
    weight: &str,
    bias: &str,
    strides: [usize; 2],
    pads: [usize; 2],
    groups: usize,
) -> Name {
    let x = w.transpose(x, &[0, 3, 1, 2]);
    let pads = [pads, pads].concat();
    let attributes = [ints("strides", &strides), ints("pads", &pads), int("group", groups as i64)];
    let y = w.op("Conv", &[&x, weight, bias], attributes);
    w.transpose(&y, &[0, 2, 3, 1])
}

/// The weight is `[out, in, kh, kw]`, as published.
pub fn conv(w: &mut Writer, op: &Conv, x: &str, weight: &str, bias: &str) -> Name {
    convolve(w, x, weight, bias, [op.stride; 2], [op.pad; 2], 1)
}

/// The weight is `[C, 1, kh, kw]`, as published.
pub fn depthwise(
    w: &mut Writer,
    op: &Depthwise,
    channels: usize,
    x: &str,
    weight: &str,
    bias: &str,
) -> Name {
    convolve(w, x, weight, bias, [1; 2], op.kernel.map(|length| length / 2), channels)
}

/// Two channels of zeros beside the others, and the places added: the batch needs no length.
pub fn coordinates(w: &mut Writer, size: Size, channels: usize, x: &str) -> Name {
    let pads = w.list(&[0, 0, 0, 0, 0, 0, 0, 2]);
    let zero = w.number(0.0);
    let wide = w.op("Pad", &[x, &pads, &zero], []);
    let Plain { shape, data } = places(size, channels);
    let places = w.floats("coordinates", &shape, &data);
    w.op("Add", &[&wide, &places], [])
}

/// `[1, H, W, channels + 2]`: zeros, then row and column, in `f32` as published.
fn places([h, w]: Size, channels: usize) -> Plain {
    let place = |i: usize, n: usize| i as f32 / (n as f32 - 1.0) - 0.5;
    let mut data = Vec::with_capacity(h * w * (channels + 2));
    for n in 0..h * w {
        data.extend(std::iter::repeat_n(0.0, channels));
        data.extend([place(n / w, h), place(n % w, w)]);
    }
    Plain { shape: vec![1, h, w, channels + 2], data }
}

/// A matrix of averages along the rows, and one along the columns: `[batch, gh, gw, C]`.
pub fn adaptive_pool(w: &mut Writer, size: Size, channels: usize, grid: Size, x: &str) -> Name {
    let [rows, columns] = [0, 1].map(|axis| averages(w, size[axis], grid[axis]));
    let x = w.reshape(x, &[size[0], size[1] * channels]);
    let x = w.op("MatMul", &[&rows, &x], []);
    let x = w.reshape(&x, &[grid[0], size[1], channels]);
    w.op("MatMul", &[&columns, &x], [])
}

/// `[bins, positions]`: the share of every position in every bin.
fn averages(w: &mut Writer, positions: usize, bins: usize) -> Name {
    let mut data = vec![0.0; bins * positions];
    let rows = data.chunks_mut(positions).zip(ops::AdaptivePool::bins(positions, bins));
    for (row, (start, end)) in rows {
        row[start..end].fill(1.0 / (end - start) as f32);
    }
    w.shared(&format!("averages/{positions}_{bins}"), &[bins, positions], &data)
}

/// `[batch, C]`.
pub fn mean(w: &mut Writer, x: &str) -> Name {
    let axes = w.list(&[1, 2]);
    w.op("ReduceMean", &[x, &axes], [int("keepdims", 0)])
}
