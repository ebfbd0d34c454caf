//! The loss against finite differences.

use super::{Draw, random};
use candle_core::{Tensor, Var};
use cluec::exec::reference::cross_entropy_sum;
use cluec::exec::{Other, Targets};
use cluec::graph::ops::CrossEntropy;

/// Plain, smoothed, of images that are mixed of two, and both, the gradient of every logit is that of a
/// finite difference.
#[test]
fn the_gradient_of_the_loss_is_that_of_finite_differences() {
    for round in 0..24 {
        let name = format!("loss {round}");
        let draw = &mut Draw::named(&name, round);
        let (images, classes) = (draw.within(1..=5), draw.within(1..=9));
        let op = CrossEntropy { smoothing: draw.one(&[0.0, 0.1, 0.9]), mixed: round % 2 == 1 };
        let labels: Vec<u32> = (0..images).map(|_| draw.below(classes) as u32).collect();
        let other = |draw: &mut Draw| Other {
            label: draw.below(classes) as u32,
            share: draw.one(&[0.0, 0.2, 0.5]),
        };
        let others: Vec<Other> = match op.mixed {
            true => (0..images).map(|_| other(draw)).collect(),
            false => Vec::new(),
        };
        let targets = Targets { labels: &labels, others: &others };
        let size = draw.one(&[1.0, 5.0]);
        let logits = (random(&name, &[images, classes]) * size).unwrap();
        let loss = |logits: &Tensor| cross_entropy_sum(&op, logits, targets).unwrap();
        let variable = Var::from_tensor(&logits).unwrap();
        let store = loss(variable.as_tensor()).backward().unwrap();
        let gradient = store.get(variable.as_tensor()).unwrap();
        let gradient: Vec<f64> = gradient.flatten_all().unwrap().to_vec1().unwrap();
        for (at, found) in gradient.into_iter().enumerate() {
            let side = |step: f64| -> f64 {
                let mut moved: Vec<f64> = logits.flatten_all().unwrap().to_vec1().unwrap();
                moved[at] += step;
                let moved = Tensor::from_vec(moved, logits.dims(), logits.device()).unwrap();
                loss(&moved).to_scalar().unwrap()
            };
            let expected = (side(1e-5) - side(-1e-5)) / 2e-5;
            assert!((found - expected).abs() < 1e-8, "{op:?} {at}: {found}, not {expected}");
        }
    }
}
