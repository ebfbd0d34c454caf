//! A dispatch and the linear layer behind it as one kernel, beside both of them one after the other;
//! in bfloat16 too, where heads of odd width begin in the middle of a pair.

use super::{near, on_each, random};
use cluec::exec::cpu::kernels::dispatch::{self, Dispatch};
use cluec::exec::cpu::kernels::dispatch_linear::{DispatchLinear, Gradients, Inputs};
use cluec::exec::cpu::kernels::linear::{Linear, LinearGradients};
use cluec::exec::cpu::kernels::meeting::Chosen;
use cluec::exec::cpu::kernels::product::{Matrix, Packed, pack, pack_transposed, packed_len};
use cluec::exec::cpu::kernels::simd;
use cluec::graph::Precision;

const IMAGES: usize = 2;

#[test]
fn a_dispatch_and_the_layer_behind_it_agree_with_both_apart() {
    for (map, grid, heads, width, output) in [
        ([8, 8], [4, 4], 2, 24, 32),
        ([5, 7], [2, 3], 3, 5, 19),
        ([6, 6], [1, 1], 1, 33, 70),
        ([1, 1], [2, 2], 4, 1, 1),
    ] {
        let [m, n] = [grid, map].map(|[h, w]: [usize; 2]| h * w);
        let all = heads * width;
        let name = format!("dispatch_linear {map:?} {output}");
        let of = |what: &str, count| random(&format!("{name} {what}"), count);
        let index: Vec<u32> = of("index", IMAGES * n * heads)
            .iter()
            .map(|x| (x.abs() * 1e4) as u32 % m as u32)
            .collect();
        let scale = of("scale", IMAGES * n * heads);
        let centers = of("centers", IMAGES * m * all);
        let (weight, bias) = (of("weight", all * output), of("bias", output));
        let dy = of("dy", IMAGES * n * output);
        let (mut packed, mut turned) =
            (vec![f32::NAN; packed_len(all, output)], vec![f32::NAN; packed_len(output, all)]);
        pack(Matrix::new(&weight, all, output), &mut packed);
        pack_transposed(Matrix::new(&weight, all, output), &mut turned);
        let packed = Packed::new(&packed, all, output);
        let turned = Packed::new(&turned, output, all);

        // One after the other.
        let dispatch = Dispatch { map, grid, channels: all, heads };
        let linear = Linear { rows: n, input: all, output };
        let (mut between, mut y) = (vec![f32::NAN; IMAGES * n * all], vec![f32::NAN; dy.len()]);
        let chosen = Chosen { index: &index, weight: &scale };
        dispatch.hard_forward(IMAGES, chosen, &centers, &mut between);
        linear.forward(IMAGES, &between, packed, &bias, &mut y);
        let mut dbetween = vec![f32::NAN; between.len()];
        linear.backward_input(IMAGES, &dy, turned, &mut dbetween, false);
        let (mut dweight, mut dbias) = (vec![0.0; weight.len()], vec![0.0; output]);
        let gradients = LinearGradients { weight: &mut dweight, bias: &mut dbias };
        let mut scratch = vec![f32::NAN; linear.scratch()];
        linear.backward_weight(IMAGES, &between, &dy, gradients, &mut scratch);
        let (mut dscale, mut dcenters) =
            (vec![f32::NAN; scale.len()], vec![f32::NAN; centers.len()]);
        let to = dispatch::Gradients { weights: &mut dscale, centers: &mut dcenters };
        dispatch.hard_backward(IMAGES, chosen, &centers, &dbetween, to);

        on_each(|set| {
            // Relative, and where terms of size one cancel: two roundings of them in bfloat16.
            let plain = [1e-5, 1e-7];
            let rounded = [1e-2, 2f64.powi(-8)];
            for (precision, allowed) in [(Precision::F32, plain), (Precision::Bf16, rounded)] {
                let name = format!("{name}, {set}, {precision:?}");
                simd::in_precision(precision, || {
                    let mut packed = vec![f32::NAN; packed_len(all, output)];
                    pack(Matrix::new(&weight, all, output), &mut packed);
                    let packed = Packed::new(&packed, all, output);
                    let kernel = DispatchLinear { centers: m, pixels: n, heads, width, output };
                    let inputs = Inputs { chosen, centers: &centers };
                    let mut scratch = vec![f32::NAN; kernel.scratch()];
                    let mut found = vec![f32::NAN; y.len()];
                    kernel.forward(IMAGES, inputs, packed, &bias, &mut found, &mut scratch);
                    near(&format!("{name}: y"), &found, &y, allowed);
                    let mut scratch = vec![f32::NAN; kernel.backward_scratch()];
                    let nan = |of: &[f32]| vec![f32::NAN; of.len()];
                    // Gradients of parameters are added.
                    let mut found =
                        [nan(&scale), nan(&centers), vec![1.0; weight.len()], vec![1.0; output]];
                    let [scale, centers, weight_to, bias] = &mut found;
                    let gradients = Gradients { scale, centers, weight: weight_to, bias };
                    kernel.backward(IMAGES, inputs, packed, &weight, &dy, gradients, &mut scratch);
                    found[2..].iter_mut().flatten().for_each(|x| *x -= 1.0);
                    for (found, expected) in
                        found.iter().zip([&dscale, &dcenters, &dweight, &dbias])
                    {
                        near(&format!("{name}: a gradient"), found, expected, allowed);
                    }
                });
            }
        });
    }
}
