use super::oracle::{Given, run};
use super::{close, on_each, random};
use cluec::exec::cpu::kernels::group_norm::GroupNorm;
use cluec::exec::cpu::kernels::layer_norm::LayerNorm;
use cluec::graph::{Builder, Op, Value, ops};

#[test]
fn norms_agree() {
    for (images, [h, w], c) in [(3, [5, 7], 32), (2, [3, 3], 19), (1, [1, 1], 1), (2, [4, 2], 196)]
    {
        let layer = LayerNorm { rows: h * w, channels: c };
        agrees(ops::LayerNorm.into(), images, [h, w, c], |x, [weight, bias], dy, to| {
            let Written { y, dx, dweight, dbias } = to;
            layer.forward(images, x, weight, bias, y);
            layer.backward(images, x, weight, dy, dx, dweight, dbias, false);
            // Once more onto what is there, and half of it.
            let [mut thrown, mut away] = [0; 2].map(|_| vec![0.0; c]);
            layer.backward(images, x, weight, dy, dx, &mut thrown, &mut away, true);
            dx.iter_mut().for_each(|dx| *dx /= 2.0);
        });
        let group = GroupNorm { pixels: h * w, channels: c };
        agrees(ops::GroupNorm.into(), images, [h, w, c], |x, [weight, bias], dy, to| {
            let Written { y, dx, dweight, dbias } = to;
            group.forward(images, x, weight, bias, y);
            group.backward(images, x, weight, dy, dx, dweight, dbias);
        });
    }
}

struct Written<'a> {
    y: &'a mut [f32],
    dx: &'a mut [f32],
    dweight: &'a mut [f32],
    dbias: &'a mut [f32],
}

fn agrees(
    op: Op,
    images: usize,
    [h, w, c]: [usize; 3],
    kernel: impl Fn(&[f32], [&[f32]; 2], &[f32], Written),
) {
    let count = images * h * w * c;
    let name = format!("{} {c}", op.name());
    let x = random(&format!("{name} x"), count);
    let (weight, bias) = (random(&format!("{name} w"), c), random(&format!("{name} b"), c));
    let dy = random(&format!("{name} dy"), count);
    let inputs = [Given(&[h, w, c], &x)];
    let build = |b: &mut Builder, x: &[Value]| b.push("op", "", op, x);
    let expected = run(images, &inputs, &[&weight, &bias], &dy, build);
    on_each(|set| {
        let (mut y, mut dx) = (vec![f32::NAN; count], vec![f32::NAN; count]);
        // Gradients of parameters are added.
        let (mut dweight, mut dbias) = (vec![1.0; c], vec![1.0; c]);
        let to = Written { y: &mut y, dx: &mut dx, dweight: &mut dweight, dbias: &mut dbias };
        kernel(&x, [&weight, &bias], &dy, to);
        close(&format!("{name} y {set}"), &y, &expected.result);
        close(&format!("{name} dx {set}"), &dx, &expected.gradients[0]);
        for (found, expected) in [dweight, dbias].iter().zip(&expected.gradients[1..]) {
            let found: Vec<f32> = found.iter().map(|g| g - 1.0).collect();
            close(&format!("{name} parameter {set}"), &found, expected);
        }
    });
}
