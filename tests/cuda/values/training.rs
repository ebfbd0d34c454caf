//! The loss and the update.

use super::{bound, each};
use crate::cuda::bench::sample;
use crate::cuda::oracle::close;
use cluec::exec::cuda::kernels::{loss, update};
use cluec::exec::cuda::tape::{Pointer, Precision};
use cluec::exec::{Optimizer, Parameters};
use cluec::graph::ops::{self, Rule};

/// Plain, of images that are mixed, smoothed, and both; of a batch twice as large as what is here.
#[test]
fn loss_agrees() {
    for (classes, smoothing, mixed) in
        [(5, 0.0, false), (100, 0.0, true), (100, 0.1, false), (37, 0.2, true)]
    {
        each("loss", |bench, stream| {
            let (precision, images) = (bench.precision(), 9);
            let logits = sample(stream, images * classes, precision);
            let labels: Vec<u32> =
                (0..images).map(|_| stream.below(classes as u64) as u32).collect();
            // The label itself, and one share of nothing, among them.
            let others: Vec<u32> = labels.iter().map(|label| label * 2 % classes as u32).collect();
            let share = |i: usize| if mixed { 0.0625 * i as f32 } else { 0.0 };
            let shares: Vec<f32> = (0..images).map(share).collect();
            let (mut losses, mut slopes) = (Vec::new(), Vec::new());
            for (i, row) in logits.chunks(classes).enumerate() {
                let total: f64 = row.iter().map(|&x| f64::from(x).exp()).sum();
                let (label, other, share) = (labels[i], others[i], f64::from(shares[i]));
                let mut loss = 0.0;
                for (k, &x) in row.iter().enumerate() {
                    let is = |label: u32| f64::from(u8::from(k == label as usize));
                    let shown = (1.0 - share) * is(label) + share * is(other);
                    let shown = (1.0 - smoothing) * shown + smoothing / classes as f64;
                    loss -= shown * (f64::from(x) - total.ln());
                    slopes.push(((f64::from(x).exp() / total - shown) / 18.0) as f32);
                }
                losses.push(loss as f32);
            }
            let op = loss::CrossEntropy { images, classes, smoothing: smoothing as f32 };
            let x = bench.put(&logits);
            let (others, shares) = match mixed {
                true => (bench.put_words(&others), bench.put_wide(&shares)),
                false => (Pointer::NULL, Pointer::NULL),
            };
            let to = loss::Targets { labels: bench.put_words(&labels), others, shares };
            let (value, g) = (bench.room(4 * images), bench.map(images * classes));
            op.forward(&mut bench.tape, x, to, value);
            op.backward(&mut bench.tape, x, to, g, 2 * images);
            bench.play();
            close("loss", &bench.read_wide(value, images), &losses, 1e-6);
            close("logits", &bench.read(g, images * classes), &slopes, bound(precision));
        });
    }
}

#[test]
fn updates_agree_over_steps() {
    let sgd = |momentum, nesterov| Rule::Sgd { momentum, nesterov, weight_decay: 0.05 };
    for (rule, clip) in [
        (Rule::default(), None),
        (Rule::default(), Some(0.5)),
        (sgd(0.9, false), Some(0.5)),
        (sgd(0.9, true), None),
        (sgd(0.0, false), None),
    ] {
        each("update", |bench, stream| {
            let sizes = [3, 500, 64];
            let n: usize = sizes.iter().sum();
            let mut parameters =
                sizes.iter().map(|&n| sample(stream, n, Precision::F32)).collect::<Parameters>();
            let decays = vec![true, false, true];
            let average = clip.map(|_| ops::Average { decay: 0.7, warmup: true });
            let of = ops::Update { rule, clip, average, scaling: None };
            let mut host = Optimizer::new(of, decays.clone(), &parameters);
            let bytes: Vec<u8> = sizes
                .iter()
                .zip(&decays)
                .flat_map(|(&n, &decays)| vec![u8::from(decays); n])
                .chain([0; 4])
                .collect();
            let words: Vec<u32> =
                bytes.as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b)).collect();
            let p = bench.put_wide(&parameters.concat());
            let kept: Vec<Pointer> =
                rule.kept().iter().map(|_| bench.put_wide(&vec![0.0; n])).collect();
            let decays = bench.put_words(&words);
            let mean = match average {
                None => Pointer::NULL,
                Some(_) => bench.put_wide(&vec![0.0; n]),
            };
            let copy = match bench.precision() {
                Precision::F32 => Pointer::NULL,
                _ => bench.map(n),
            };
            let op = update::Update { n, of };
            let (scratch, norm) = (bench.room(op.scratch()), bench.room(8));
            for t in 1..=3 {
                let lr = 0.01 * f64::from(t);
                let gradients = sizes.map(|n| sample(stream, n, Precision::F32)).to_vec();
                let all = gradients.concat();
                let norm_found = all.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
                // What changes from step to step is the same, whoever takes it.
                let step = bench.put_wide(&host.clone().begin(lr, 1.0).words());
                host.step(&mut parameters, &mut gradients.into_iter().collect(), lr);
                let gradients = bench.put_wide(&all);
                let (losses, images) = (bench.put_wide(&[0.5, 0.25]), 2);
                let mut state = update::State {
                    parameters: p,
                    kept: kept.clone(),
                    average: mean,
                    gradients,
                    copy,
                    decays,
                    step,
                    losses,
                    images,
                    norm,
                };
                op.step(&mut bench.tape, &state, scratch);
                bench.play();
                close("norm", &bench.read_wide(norm, 1), &[norm_found as f32], 1e-5);
                // A loss or a gradient that is none moves nothing.
                state.losses = bench.put_wide(&[0.5, f32::INFINITY]);
                op.step(&mut bench.tape, &state, scratch);
                bench.play();
                assert!(bench.read_wide(norm, 1)[0].is_nan());
                state.losses = losses;
                let mut wrong = all.clone();
                wrong[7] = f32::NAN;
                state.gradients = bench.put_wide(&wrong);
                op.step(&mut bench.tape, &state, scratch);
                bench.play();
                assert!(bench.read_wide(norm, 1)[0].is_nan());
            }
            let expected = parameters.concat();
            close("parameters", &bench.read_wide(p, n), &expected, 1e-6);
            for ((&at, values), name) in kept.iter().zip(&host.kept).zip(rule.kept()) {
                close(name, &bench.read_wide(at, n), &values.concat(), 1e-6);
            }
            if let Some(values) = &host.average {
                close("mean", &bench.read_wide(mean, n), &values.concat(), 1e-6);
            }
            if copy != Pointer::NULL {
                close("copy", &bench.read(copy, n), &expected, 4e-3);
            }
        });
    }
}
