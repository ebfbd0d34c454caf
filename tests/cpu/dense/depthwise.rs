use super::*;
use cluec::exec::cpu::kernels::depthwise::{Depthwise, DepthwiseGradients};

/// Height, width, channels, kernel.
const SIZES: [([usize; 3], [usize; 2]); 9] = [
    ([1, 1, 1], [3, 3]),
    ([5, 4, 16], [3, 3]),
    ([4, 7, 37], [3, 3]),
    ([1, 6, 20], [3, 3]),
    ([8, 1, 32], [3, 3]),
    ([6, 5, 19], [5, 5]),
    ([2, 3, 8], [7, 7]),
    ([4, 4, 17], [1, 3]),
    ([3, 5, 4], [1, 1]),
];

/// Visits every pixel of the output with every tap that lies in the map: offsets of the output, the
/// input and the tap, without channels.
pub fn visit(
    [h, w, _]: [usize; 3],
    [kh, kw]: [usize; 2],
    mut each: impl FnMut(usize, usize, usize),
) {
    for (y, x) in (0..h).flat_map(|y| (0..w).map(move |x| (y, x))) {
        for (ky, kx) in (0..kh).flat_map(|ky| (0..kw).map(move |kx| (ky, kx))) {
            let (from_y, from_x) = ((y + ky).wrapping_sub(kh / 2), (x + kx).wrapping_sub(kw / 2));
            if from_y < h && from_x < w {
                each(y * w + x, from_y * w + from_x, ky * kw + kx);
            }
        }
    }
}

#[test]
fn a_depthwise_convolution_forward_and_backward() {
    everywhere(|arch| {
        for (size, kernel) in SIZES {
            let name = format!("{arch} {size:?} {kernel:?}");
            let ([height, width, channels], images) = (size, 2);
            let op = Depthwise { height, width, channels, kernel };
            let (map, taps) = (height * width * channels, kernel[0] * kernel[1] * channels);
            let (x, dy) = (numbers(images * map, 1), numbers(images * map, 2));
            let (weight, bias) = (numbers(taps, 3), numbers(channels, 4));

            let mut y_wide: Vec<f64> = wide(&bias).repeat(images * height * width);
            let mut dx_wide = vec![0.0; images * map];
            let (mut dw_wide, mut db_wide) = (vec![1.0; taps], vec![1.0; channels]);
            for image in 0..images {
                visit(size, kernel, |to, from, tap| {
                    for c in 0..channels {
                        let [to, from] = [to, from].map(|pixel| image * map + pixel * channels + c);
                        let tap = tap * channels + c;
                        let [x, dy, weight] = [x[from], dy[to], weight[tap]].map(f64::from);
                        y_wide[to] += x * weight;
                        dx_wide[from] += dy * weight;
                        dw_wide[tap] += dy * x;
                    }
                });
            }
            dy.iter().enumerate().for_each(|(i, &g)| db_wide[i % channels] += f64::from(g));

            let (mut y, mut dx) = (garbage(images * map), garbage(images * map));
            op.forward(images, &x, &weight, &bias, &mut y);
            op.backward_input(images, &dy, &weight, &mut dx);
            let (mut dw, mut db) = (vec![1.0; taps], vec![1.0; channels]);
            let gradients = DepthwiseGradients { weight: &mut dw, bias: &mut db };
            op.backward_weight(images, &x, &dy, gradients);
            close(&format!("{name} y"), &y, &y_wide, 1e-6);
            close(&format!("{name} dx"), &dx, &dx_wide, 1e-6);
            close(&format!("{name} dw"), &dw, &dw_wide, 1e-6);
            close(&format!("{name} db"), &db, &db_wide, 1e-6);
        }
    });
}
