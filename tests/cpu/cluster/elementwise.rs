use super::oracle::{Given, run};
use super::{close, on_each, random};
use cluec::exec::cpu::kernels::elementwise::*;
use cluec::exec::cpu::kernels::reread::{Reading, Reread};
use cluec::graph::ops;

#[test]
fn sums_and_scales() {
    for n in [1, 15, 16, 77] {
        let (a, b, c) = (random("a", 2 * n), random("b", 2 * n), random("c", 2 * n));
        let factors = [0.0, 1.25];
        let of = |f: &dyn Fn(usize) -> f32| (0..2 * n).map(f).collect::<Vec<f32>>();
        on_each(|set| {
            let mut y = vec![f32::NAN; 2 * n];
            add(&a, &b, &mut y);
            assert_eq!(y, of(&|i| a[i] + b[i]), "add {set}");
            accumulate(&c, &mut y);
            assert_eq!(y, of(&|i| a[i] + b[i] + c[i]), "accumulate {set}");
            blend(&a, &b, &mut y);
            assert_eq!(y, of(&|i| (a[i] + b[i]) * 0.5), "blend {set}");
            scale(&a, 0.3, &mut y);
            assert_eq!(y, of(&|i| a[i] * 0.3), "scale {set}");
            scale_images(&a, &factors, &mut y);
            assert_eq!(y, of(&|i| a[i] * factors[i / n]), "scale_images {set}");
            residual(&a, &b, &factors, &mut y);
            close(&format!("residual {set}"), &y, &of(&|i| a[i] + b[i] * factors[i / n]));
        });
    }
}

#[test]
fn layer_scale_and_another_reading_agree() {
    let (images, [h, w], c) = (2, [4, 6], 20);
    let of = |what: &str| random(&format!("reread {what}"), images * h * w * c);
    let (x, dy) = (of("x"), of("dy"));
    let inputs = [Given(&[h, w, c], &x)];
    let weight = random("weight", c);
    let start = 0.1;
    let expected =
        run(images, &inputs, &[&weight], &dy, |b, x| b.push("op", "", ops::Scale { start }, x));
    on_each(|set| {
        let kernel = Scale { channels: c };
        let (mut y, mut dx) = (vec![f32::NAN; dy.len()], vec![f32::NAN; x.len()]);
        let mut dweight = vec![1.0; c];
        kernel.forward(&x, &weight, &mut y);
        kernel.backward(&x, &weight, &dy, &mut dx, &mut dweight);
        dweight.iter_mut().for_each(|g| *g -= 1.0);
        close(&format!("scale {set}"), &y, &expected.result);
        close(&format!("scale's gradient {set}"), &dx, &expected.gradients[0]);
        close(&format!("scale's weight {set}"), &dweight, &expected.gradients[1]);
    });

    // Own order, channels first, blocks; to as many pixels, fewer, more.
    for (map, from, to) in [([4, 6], 1, 20), ([2, 3], 20, 8), ([2, 6], 5, 2), ([8, 6], 4, 10)] {
        let op = ops::Reread { map, from, to };
        let expected = run(images, &inputs, &[], &dy, |b, x| b.push("op", "", op.clone(), x));
        let pixels = map[0] * map[1];
        let kernel = Reread {
            from: Reading { pixels: h * w, channels: c, blocks: from },
            to: Reading { pixels, channels: h * w * c / pixels, blocks: to },
        };
        let (mut y, mut dx) = (vec![f32::NAN; dy.len()], vec![f32::NAN; x.len()]);
        kernel.forward(images, &x, &mut y);
        kernel.backward(images, &dy, &mut dx);
        assert_eq!(y, expected.result, "{op:?}");
        assert_eq!(dx, expected.gradients[0], "{op:?}");
    }
}

#[test]
fn means_and_coordinates_agree() {
    let (images, [h, w]) = (2, [3, 5]);
    for c in [1, 3, 33] {
        let x = random("x", images * h * w * c);
        let inputs = [Given(&[h, w, c], &x)];

        let dy = random("dy", images * c);
        let expected = run(images, &inputs, &[], &dy, |b, x| b.push("op", "", ops::Mean, x));
        on_each(|set| {
            let kernel = Mean { pixels: h * w, channels: c };
            let (mut y, mut dx) = (vec![f32::NAN; dy.len()], vec![f32::NAN; x.len()]);
            kernel.forward(images, &x, &mut y);
            close(&format!("mean {set}"), &y, &expected.result);
            kernel.backward(images, &dy, &mut dx);
            close(&format!("mean's gradient {set}"), &dx, &expected.gradients[0]);
        });

        let dy = random("dy", images * h * w * (c + 2));
        let expected = run(images, &inputs, &[], &dy, |b, x| b.push("op", "", ops::Coordinates, x));
        let kernel = Coordinates { map: [h, w], channels: c };
        let (mut y, mut dx) = (vec![f32::NAN; dy.len()], vec![f32::NAN; x.len()]);
        kernel.forward(images, &x, &mut y);
        close("coordinates", &y, &expected.result);
        kernel.backward(images, &dy, &mut dx);
        assert_eq!(dx, expected.gradients[0]);
    }
}
