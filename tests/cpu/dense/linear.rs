use super::*;
use cluec::exec::cpu::kernels::linear::{Linear, LinearGradients};
use cluec::exec::cpu::kernels::product::Packed;

#[test]
fn a_linear_layer_forward_and_backward() {
    each_way(|arch, numbers| {
        for [images, rows, input, output] in [[1, 1, 1, 1], [3, 7, 13, 37], [2, 16, 64, 96]] {
            let kernel = Linear { rows, input, output };
            let all = images * rows;
            let (x, dy) = (numbers(all * input, 1), numbers(all * output, 2));
            let (weight, bias) = (numbers(input * output, 3), numbers(output, 4));
            let data = [packed(&weight, input, output), packed_transposed(&weight, input, output)];
            let packed = Packed::new(&data[0], input, output);
            let transposed = Packed::new(&data[1], output, input);

            let mut expected = product(&wide(&x), &wide(&weight), [all, input, output]);
            expected.iter_mut().enumerate().for_each(|(i, y)| *y += f64::from(bias[i % output]));
            let mut y = garbage(all * output);
            kernel.forward(images, &x, packed, &bias, &mut y);
            close(&format!("{arch} y"), &y, &expected, 1e-6);

            let mut dx = garbage(all * input);
            kernel.backward_input(images, &dy, transposed, &mut dx, false);
            let weight = transpose(&wide(&weight), input, output);
            let expected = product(&wide(&dy), &weight, [all, output, input]);
            close(&format!("{arch} dx"), &dx, &expected, 1e-6);
            kernel.backward_input(images, &dy, transposed, &mut dx, true);
            let twice: Vec<f64> = expected.iter().map(|dx| 2.0 * dx).collect();
            close(&format!("{arch} dx added"), &dx, &twice, 1e-6);

            // Gradients of parameters are added.
            let (mut dw, mut db) = (vec![1.0; input * output], vec![1.0; output]);
            let gradients = LinearGradients { weight: &mut dw, bias: &mut db };
            let mut scratch = garbage(kernel.scratch());
            kernel.backward_weight(images, &x, &dy, gradients, &mut scratch);
            let one = |x: Vec<f64>| x.into_iter().map(|x| x + 1.0).collect::<Vec<_>>();
            let across = transpose(&wide(&x), all, input);
            close(
                &format!("{arch} dw"),
                &dw,
                &one(product(&across, &wide(&dy), [input, all, output])),
                1e-6,
            );
            close(
                &format!("{arch} db"),
                &db,
                &one(product(&vec![1.0; all], &wide(&dy), [1, all, output])),
                1e-6,
            );
        }
    });
}
