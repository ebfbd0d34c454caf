use super::oracle::{Given, run};
use super::{close, on_each, random};
use cluec::exec::cpu::kernels::attend::{Attend, Gradients, Inputs, Saved};
use cluec::exec::cpu::kernels::windowed::Windowed;
use cluec::graph::ops::{self, Score, Windows};

/// Sizes, windows, heads and their width, score, temperature.
type Case = ([usize; 2], [usize; 2], [usize; 2], usize, usize, Score, Option<f32>);

#[test]
fn attend_agrees() {
    let cosine = Score::Cosine { start: 2.13, floor: 1e-4 };
    let cases: [Case; 11] = [
        ([8, 8], [4, 4], [1, 1], 2, 32, cosine, Some(0.756)),
        ([11, 13], [7, 7], [1, 1], 3, 24, cosine, Some(0.756)),
        // Two centers beyond a vector of sixteen, and more than one block of pixels.
        ([11, 13], [3, 6], [1, 1], 2, 9, Score::Dot, None),
        ([11, 13], [3, 6], [1, 1], 2, 20, cosine, Some(-2.3)),
        // Sharp, so that the largest score matters.
        ([5, 4], [2, 3], [1, 1], 1, 7, cosine, Some(-2.3)),
        // Below the floor the temperature gets no gradient.
        ([4, 4], [2, 2], [1, 1], 2, 16, Score::Cosine { start: 2.0, floor: 0.5 }, Some(-2.0)),
        // A grid larger than the map.
        ([2, 3], [5, 4], [1, 1], 2, 17, cosine, Some(0.0)),
        ([7, 9], [3, 5], [1, 1], 2, 6, Score::Dot, None),
        ([1, 1], [1, 1], [1, 1], 1, 1, Score::Dot, None),
        ([8, 12], [4, 6], [2, 3], 2, 20, cosine, Some(0.5)),
        ([3, 10], [3, 4], [1, 2], 1, 9, Score::Dot, None),
    ];
    for (map, grid, windows, heads, width, score, temperature) in cases {
        let windows = Windows(windows);
        let (images, channels) = (2, heads * width);
        let [m, n] = [grid, map].map(|[h, w]| images * h * w * channels);
        let name = format!("attend {map:?} {grid:?} {width}");
        let of = |what: &str, count| random(&format!("{name} {what}"), count);
        let (centers, keys, values) = (of("centers", m), of("keys", n), of("values", n));
        let dresult = of("dresult", m);
        let temperature: Vec<f32> = temperature.into_iter().collect();
        let inputs = [
            Given(&[grid[0], grid[1], channels], &centers),
            Given(&[map[0], map[1], channels], &keys),
            Given(&[map[0], map[1], channels], &values),
        ];
        let params: Vec<&[f32]> = temperature.chunks(1).collect();
        let expected = run(images, &inputs, &params, &dresult, |b, x| {
            b.push("op", "", ops::Attend { heads, score, windows }, x)
        });
        on_each(|set| {
            let [map, grid] = [map, grid].map(|size| windows.of(size));
            let kernel = Attend { map, grid, channels, heads, score };
            let kernel = Windowed { kernel, windows };
            let mut scratch = vec![f32::NAN; kernel.scratch()];
            let mut result = vec![f32::NAN; m];
            let mut logs = vec![f32::NAN; m / width];
            let inputs = Inputs {
                centers: &centers,
                keys: &keys,
                values: &values,
                temperature: &temperature,
            };
            kernel.forward(images, inputs, &mut result, &mut logs, &mut scratch);
            close(&format!("{name} {set}"), &result, &expected.result);

            let mut scratch = vec![f32::NAN; kernel.backward_scratch()];
            let (mut dcenters, mut dkeys) = (vec![f32::NAN; m], vec![f32::NAN; n]);
            let mut dvalues = vec![f32::NAN; n];
            let mut dtemperature = vec![0.0; temperature.len()];
            let saved = Saved { inputs, result: &result, logs: &logs };
            let gradients = Gradients {
                centers: &mut dcenters,
                keys: &mut dkeys,
                values: &mut dvalues,
                temperature: &mut dtemperature,
            };
            kernel.backward(images, saved, &dresult, gradients, &mut scratch);
            let found = [dcenters, dkeys, dvalues, dtemperature];
            for (i, (found, expected)) in found.iter().zip(&expected.gradients).enumerate() {
                close(&format!("{name} gradient {i} {set}"), found, expected);
            }
        });
    }
}
