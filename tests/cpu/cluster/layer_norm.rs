use super::oracle::{Given, run};
use super::{close, on_each, random};
use cluec::exec::cpu::kernels::layer_norm::LayerNorm;
use cluec::graph::ops;

#[test]
fn layer_norm_agrees() {
    for (images, [h, w], c) in [(3, [5, 7], 32), (2, [3, 3], 19), (1, [1, 1], 1), (2, [4, 2], 196)]
    {
        let count = images * h * w * c;
        let name = format!("layer_norm {c}");
        let x = random(&format!("{name} x"), count);
        let (weight, bias) = (random(&format!("{name} w"), c), random(&format!("{name} b"), c));
        let dy = random(&format!("{name} dy"), count);
        let inputs = [Given(&[h, w, c], &x)];
        let expected = run(images, &inputs, &[&weight, &bias], &dy, |b, x| {
            b.push("op", "", ops::LayerNorm, x)
        });
        on_each(|set| {
            let kernel = LayerNorm { rows: h * w, channels: c };
            let mut y = vec![f32::NAN; count];
            kernel.forward(images, &x, &weight, &bias, &mut y);
            close(&format!("{name} y {set}"), &y, &expected.result);

            let mut dx = vec![f32::NAN; count];
            // Gradients of parameters are added.
            let (mut dweight, mut dbias) = (vec![1.0; c], vec![1.0; c]);
            kernel.backward(images, &x, &weight, &dy, &mut dx, &mut dweight, &mut dbias);
            let found = [dx, dweight, dbias].map(|g| g);
            for (i, found) in found.into_iter().enumerate() {
                let found: Vec<f32> =
                    if i == 0 { found } else { found.iter().map(|g| g - 1.0).collect() };
                close(&format!("{name} gradient {i} {set}"), &found, &expected.gradients[i]);
            }
        });
    }
}
