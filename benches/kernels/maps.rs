//! Convolutions and the fused FFN, with the sizes of the published models.

use super::{Floats, Table, numbers, zeros};
use cluec::exec::cpu::kernels::conv::{Conv, ConvGradients};
use cluec::exec::cpu::kernels::depthwise::{Depthwise, DepthwiseGradients};
use cluec::exec::cpu::kernels::ffn::{Ffn, FfnBackward, FfnGradients, FfnWeights};
use cluec::exec::cpu::kernels::product::*;
use cluec::graph::ops;

/// Images, side of the map, channels, hidden channels.
const FFNS: [[usize; 4]; 7] = [
    [1, 32, 32, 256],
    [4, 16, 64, 512],
    [8, 8, 160, 640],
    [8, 4, 256, 1024],
    [1, 56, 32, 256],
    [1, 28, 64, 512],
    [4, 14, 196, 784],
];

/// Images, height, input, output, kernel, stride, pad.
const CONVS: [[usize; 7]; 5] = [
    [1, 32, 5, 32, 3, 1, 1],
    [1, 224, 5, 32, 4, 4, 0],
    [4, 32, 32, 64, 3, 2, 1],
    [4, 16, 64, 160, 3, 2, 1],
    [8, 8, 160, 256, 3, 2, 1],
];

pub fn run(table: &mut Table) {
    for [height, channels] in [[32, 32], [32, 64], [8, 160], [56, 32]] {
        depthwise(table, height, channels);
    }
    for [images, side, channels, hidden] in FFNS {
        ffn(table, images, side, channels, hidden);
    }
    for sizes in CONVS {
        conv(table, sizes);
    }
}

fn depthwise(table: &mut Table, height: usize, channels: usize) {
    let op = Depthwise { height, width: height, channels, kernel: [3, 3] };
    let map = height * height * channels;
    let shape = format!("{height} x {height} x {channels}");
    let (x, weight, bias, mut y) =
        (numbers(map), numbers(9 * channels), numbers(channels), zeros(map));
    let (mut dw, mut db) = (zeros(9 * channels), zeros(channels));
    let flops = 18 * map;
    table.line("depthwise", &shape, flops, || op.forward(1, &x, &weight, &bias, &mut y));
    table.line("depthwise_dx", &shape, flops, || op.backward_input(1, &x, &weight, &mut y));
    table.line("depthwise_dw", &shape, flops, || {
        let gradients = DepthwiseGradients { weight: &mut dw, bias: &mut db };
        op.backward_weight(1, &x, &y, gradients);
    });
}

fn ffn(table: &mut Table, images: usize, side: usize, channels: usize, hidden: usize) {
    let op = Ffn::tiled([side, side], [channels, hidden, channels], Some([3, 3]));
    let pixels = images * side * side;
    let shape = format!("{images} of {side} x {side} x {channels}, {hidden}");
    let (x, dy) = (numbers(pixels * channels), numbers(pixels * channels));
    let (mut y, mut dx) = (zeros(pixels * channels), zeros(pixels * channels));
    let (expand, expand_t) = packed(channels, hidden);
    let (contract, contract_t) = packed(hidden, channels);
    let (taps, bias) = (numbers(9 * hidden), numbers(hidden));
    let forward = FfnWeights {
        expand: Packed::new(&expand, channels, hidden),
        expand_bias: &bias,
        depthwise: Some([&taps, &bias]),
        contract: Packed::new(&contract, hidden, channels),
        contract_bias: &bias[..channels],
    };
    let backward = FfnBackward {
        forward,
        expand: Packed::new(&expand_t, hidden, channels),
        contract: Packed::new(&contract_t, channels, hidden),
    };
    let mut scratch = zeros(op.backward_scratch(images));
    let (products, taps) = (2 * pixels * hidden * channels, 18 * pixels * hidden);
    table.line("ffn", &shape, 2 * products + taps, || {
        op.forward(images, &x, forward, &mut y, None, &mut scratch);
    });
    let (mut d_expand, mut d_contract) = (zeros(channels * hidden), zeros(channels * hidden));
    let (mut d_taps, mut d_bias) = (zeros(9 * hidden), [(); 3].map(|()| zeros(hidden)));
    let mut back = |kept: Option<&[f32]>| {
        let [a, b, c] = &mut d_bias;
        let gradients = FfnGradients {
            expand: &mut d_expand,
            expand_bias: a,
            depthwise: Some([&mut d_taps, b]),
            contract: &mut d_contract,
            contract_bias: &mut c[..channels],
        };
        op.backward(images, &x, &dy, kept, backward, &mut dx, gradients, &mut scratch);
    };
    // Four products and two convolutions, and one of each to have the hidden map again.
    table.line("ffn_backward", &shape, 5 * products + 3 * taps, || back(None));
    let of = ops::Ffn { hidden, out: channels, kernel: Some([3, 3]), keeps: true };
    let mut kept = zeros(pixels * of.kept());
    let mut room = zeros(op.scratch(images));
    op.forward(images, &x, forward, &mut y, Some(&mut kept), &mut room);
    table.line("ffn_of_kept", &shape, 4 * products + 3 * taps, || back(Some(&kept)));
}

fn conv(table: &mut Table, [images, side, input, output, kernel, stride, pad]: [usize; 7]) {
    let kernel = [kernel, kernel];
    let op = Conv { height: side, width: side, input, coords: false, output, kernel, stride, pad };
    let ([oh, ow], k) = (op.out(), kernel[0] * kernel[1] * input);
    let shape = format!("{images} of {side} x {side} x {input}, {} by {stride}", kernel[0]);
    let (x, dy) = (numbers(images * side * side * input), numbers(images * oh * ow * output));
    let (mut y, mut dx) = (zeros(dy.len()), zeros(x.len()));
    let (weight, transposed) = packed(k, output);
    let bias = numbers(output);
    let mut scratch = zeros(op.backward_scratch(images));
    let flops = 2 * images * oh * ow * k * output;
    table.line("conv", &shape, flops, || {
        op.forward(images, &x, Packed::new(&weight, k, output), &bias, &mut y, &mut scratch);
    });
    table.line("conv_dx", &shape, flops, || {
        let transposed = Packed::new(&transposed, output, k);
        op.backward_input(images, &dy, transposed, &mut dx, &mut scratch);
    });
    let (mut dw, mut db) = (zeros(k * output), zeros(output));
    table.line("conv_dw", &shape, flops, || {
        let gradients = ConvGradients { weight: &mut dw, bias: &mut db };
        op.backward_weight(images, &x, &dy, gradients, &mut scratch);
    });
}

/// A `[k, n]` matrix packed, and its transpose.
fn packed(k: usize, n: usize) -> (Floats, Floats) {
    let weight = numbers(k * n);
    let (mut forward, mut backward) = (zeros(packed_len(k, n)), zeros(packed_len(n, k)));
    pack(Matrix::new(&weight, k, n), &mut forward);
    pack_transposed(Matrix::new(&weight, k, n), &mut backward);
    (forward, backward)
}
