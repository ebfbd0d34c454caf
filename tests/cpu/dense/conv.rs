use super::*;
use cluec::exec::cpu::kernels::conv::{Conv, ConvGradients};
use cluec::exec::cpu::kernels::elementwise::Coordinates;
use cluec::exec::cpu::kernels::product::Packed;

/// Images, then height, width, input, output, then kernel, then stride and pad.
type Sizes = (usize, [usize; 4], [usize; 2], usize, usize);

const SIZES: [Sizes; 7] = [
    (2, [6, 5, 3, 7], [3, 3], 1, 1),
    (3, [7, 8, 16, 24], [3, 3], 2, 1),
    (2, [8, 12, 5, 32], [4, 4], 4, 0),
    (1, [1, 1, 4, 3], [3, 3], 2, 1),
    (2, [5, 9, 2, 17], [5, 3], 3, 2),
    (1, [4, 4, 3, 2], [1, 1], 1, 0),
    (40, [4, 4, 3, 8], [2, 2], 2, 0),
];

#[test]
fn a_convolution_forward_and_backward() {
    each_way(|arch, numbers| {
        for (images, [height, width, input, output], kernel, stride, pad) in SIZES {
            let op = Conv { height, width, input, coords: false, output, kernel, stride, pad };
            let ([oh, ow], [kh, kw]) = (op.out(), kernel);
            let x = numbers(images * height * width * input, 1);
            let dy = numbers(images * oh * ow * output, 2);
            let (k, bias) = (kh * kw * input, numbers(output, 4));
            let weight = numbers(k * output, 3);

            let mut y_wide: Vec<f64> = wide(&bias).repeat(images * oh * ow);
            let (mut dx_wide, mut dw_wide) = (vec![0.0; x.len()], vec![1.0; k * output]);
            for pixel in 0..images * oh * ow {
                let (image, oy, ox) = (pixel / (oh * ow), pixel / ow % oh, pixel % ow);
                for (ky, kx) in (0..kh).flat_map(|ky| (0..kw).map(move |kx| (ky, kx))) {
                    let from_y = (oy * stride + ky).wrapping_sub(pad);
                    let from_x = (ox * stride + kx).wrapping_sub(pad);
                    if from_y >= height || from_x >= width {
                        continue;
                    }
                    for i in 0..input {
                        let from = ((image * height + from_y) * width + from_x) * input + i;
                        for o in 0..output {
                            let (to, at) =
                                (pixel * output + o, ((ky * kw + kx) * input + i) * output + o);
                            y_wide[to] += f64::from(x[from]) * f64::from(weight[at]);
                            dx_wide[from] += f64::from(dy[to]) * f64::from(weight[at]);
                            dw_wide[at] += f64::from(dy[to]) * f64::from(x[from]);
                        }
                    }
                }
            }

            let data = [packed(&weight, k, output), packed_transposed(&weight, k, output)];
            let packed = Packed::new(&data[0], k, output);
            let transposed = Packed::new(&data[1], output, k);
            {
                let name = format!("{arch} {op:?}");
                let mut scratch = garbage(op.scratch(images));
                let (mut y, mut dx) = (garbage(dy.len()), garbage(x.len()));
                op.forward(images, &x, packed, &bias, &mut y, &mut scratch);
                op.backward_input(images, &dy, transposed, &mut dx, &mut scratch);
                let (mut dw, mut db) = (vec![1.0; k * output], vec![1.0; output]);
                let gradients = ConvGradients { weight: &mut dw, bias: &mut db };
                let mut scratch = garbage(op.backward_scratch(images));
                op.backward_weight(images, &x, &dy, gradients, &mut scratch);
                close(&format!("{name} y"), &y, &y_wide, 1e-6);
                close(&format!("{name} dx"), &dx, &dx_wide, 1e-6);
                close(&format!("{name} dw"), &dw, &dw_wide, 1e-6);
                let ones = vec![1.0; images * oh * ow];
                let sums = product(&ones, &wide(&dy), [1, images * oh * ow, output]);
                close(
                    &format!("{name} db"),
                    &db,
                    &sums.iter().map(|x| x + 1.0).collect::<Vec<_>>(),
                    1e-6,
                );
            }
        }
    });
}

/// Room for many images serves fewer.
#[test]
fn fewer_images_need_no_more() {
    for (side, input, output) in [(8, 160, 256), (14, 320, 512), (32, 32, 64), (1, 7, 5)] {
        let (kernel, stride, pad) = ([3, 3], 2, 1);
        let op =
            Conv { height: side, width: side, input, coords: false, output, kernel, stride, pad };
        let needs = |images| [op.scratch(images), op.backward_scratch(images)];
        for images in 1..16 {
            let ([a, b], [c, d]) = (needs(images), needs(images + 1));
            assert!(a <= c && b <= d, "{op:?}, {images} images");
        }
    }
}

/// To the bit what a convolution makes of a map that holds them.
#[test]
fn a_convolution_that_knows_coordinates() {
    let (images, height, width, output) = (2, 9, 7, 5);
    for (input, kernel, stride, pad) in [(3, [4, 4], 4, 0), (3, [3, 3], 2, 1), (6, [2, 3], 1, 1)] {
        let known = Conv { height, width, input, coords: true, output, kernel, stride, pad };
        let held = Conv { input: input + 2, coords: false, ..known };
        let coordinates = Coordinates { map: [height, width], channels: input };
        let x = numbers(images * height * width * input, 1);
        let mut map = garbage(images * height * width * (input + 2));
        coordinates.forward(images, &x, &mut map);
        let [oh, ow] = known.out();
        let (k, bias) = (kernel[0] * kernel[1] * (input + 2), numbers(output, 4));
        let weight = numbers(k * output, 3);
        let dy = numbers(images * oh * ow * output, 2);
        let data = [packed(&weight, k, output), packed_transposed(&weight, k, output)];
        let packed = Packed::new(&data[0], k, output);
        let transposed = Packed::new(&data[1], output, k);
        let all = |op: &Conv, x: &[f32]| {
            let mut scratch = garbage(op.scratch(images));
            let (mut y, mut dx) = (garbage(dy.len()), garbage(x.len()));
            op.forward(images, x, packed, &bias, &mut y, &mut scratch);
            op.backward_input(images, &dy, transposed, &mut dx, &mut scratch);
            let (mut dw, mut db) = (vec![1.0; k * output], vec![1.0; output]);
            let gradients = ConvGradients { weight: &mut dw, bias: &mut db };
            let mut scratch = garbage(op.backward_scratch(images));
            op.backward_weight(images, x, &dy, gradients, &mut scratch);
            (y, dx, dw, db)
        };
        let (y, dmap, dw, db) = all(&held, &map);
        let mut dx = garbage(x.len());
        coordinates.backward(images, &dmap, &mut dx);
        assert!(all(&known, &x) == (y, dx, dw, db), "{known:?}");
    }
}
