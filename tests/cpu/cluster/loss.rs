use super::{close, random};
use candle_core::Var;
use cluec::exec::cpu::kernels::loss::cross_entropy;
use cluec::exec::reference::cross_entropy_sum;
use cluec::exec::{Other, Targets};
use cluec::graph::ops::CrossEntropy;

/// Plain, of images that are mixed, smoothed, and both.
#[test]
fn cross_entropy_agrees() {
    let kinds = [(0.0, 0.0), (0.0, 0.3), (0.1, 0.0), (0.2, 0.5)];
    for (classes, size) in [(100, 3.0), (1, 1.0), (7, 200.0)] {
        for (smoothing, share) in kinds {
            agrees(classes, size, smoothing, share);
        }
    }
}

fn agrees(classes: usize, size: f32, smoothing: f64, share: f32) {
    {
        let logits: Vec<f32> = random("logits", classes).iter().map(|x| x * size).collect();
        let label = (classes / 2) as u32;
        let other = Other { label: classes as u32 - 1, share };
        let targets = Targets { labels: &[label], others: &[other] };
        let op = CrossEntropy { smoothing, mixed: true };
        let variable = Var::from_tensor(&super::oracle::tensor(&[1, classes], &logits)).unwrap();
        let loss = cross_entropy_sum(&op, variable.as_tensor(), targets).unwrap();
        let store = loss.backward().unwrap();
        let expected = super::oracle::flat(store.get(variable.as_tensor()).unwrap());

        let mut gradient = vec![f32::NAN; classes];
        let found = cross_entropy(&logits, (label, other), smoothing as f32, 0.25, &mut gradient);
        close("loss", &[found], &super::oracle::flat(&loss));
        gradient.iter_mut().for_each(|g| *g *= 4.0);
        close("gradient", &gradient, &expected);
    }
}
