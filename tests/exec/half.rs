//! Training in formats of 16 bits on a CPU: near `f32`, the loss scaled, an overflow passed over.

use cluec::exec::cpu::kernels::narrow::narrow;
use cluec::exec::cpu::{Compiled, first_not_finite};
use cluec::exec::{Batch, Evaluator, Optimizer, Parameters, Scaling, StepKey, Trainer};
use cluec::graph::ops::{Average, LossScale, Update};
use cluec::graph::{Graph, Precision};
use cluec::passes::Method;

use super::compiled::{KEY, SWITCHES, batch, models, parameters};

/// Without a choice to make, rounding changes nothing large.
const SMOOTH: [&str; 3] = ["drop_path=0", "mixer.assign=soft", "pool=conv"];

fn model() -> (Graph, Parameters, Batch) {
    let graph = models(SWITCHES, &SMOOTH).remove(0);
    let (parameters, batch) = (parameters(&graph), batch(&graph, 6, 2));
    (graph, parameters, batch)
}

fn method(precision: Precision, scaling: Option<LossScale>) -> Method {
    let average = Some(Average { decay: 0.7, warmup: false });
    let update = Update { clip: Some(0.5), average, scaling, ..Update::default() };
    Method { update, precision, ..Method::default() }
}

fn trainer(graph: &Graph, parameters: &Parameters, method: Method, threads: usize) -> Compiled {
    let decays = vec![true; parameters.len()];
    let optimizer = Optimizer::new(method.update, decays, parameters);
    Compiled::trainer(graph, parameters.clone(), optimizer, method, threads)
}

fn scale(start: f64) -> Option<LossScale> {
    Some(LossScale { start, interval: Some(3) })
}

/// Of two lists, in L2 relative to the second.
fn distance(found: &[f32], expected: &[f32]) -> f64 {
    let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
    let pairs = found.iter().zip(expected);
    let off = norm(&mut pairs.map(|(a, b)| f64::from(*a) - f64::from(*b)));
    off / norm(&mut expected.iter().map(|x| f64::from(*x)))
}

/// The largest relative error of one rounding.
fn unit(precision: Precision) -> f64 {
    match precision {
        Precision::F32 => 2f64.powi(-24),
        Precision::Bf16 => 2f64.powi(-9),
        Precision::F16 => 2f64.powi(-12),
    }
}

#[test]
fn a_step_in_16_bits_is_near_the_one_in_f32() {
    let (graph, parameters, batch) = model();
    let gradients = |method: Method| {
        trainer(&graph, &parameters, method, 2).gradients(&parameters, &batch, KEY).unwrap()
    };
    let expected = gradients(method(Precision::F32, None));
    for (precision, scaling) in [(Precision::Bf16, None), (Precision::F16, scale(1024.0))] {
        let found = gradients(method(precision, scaling));
        // Of some dozens of roundings one after the other.
        let (unit, near) = (unit(precision), 16.0);
        let loss = (found.loss - expected.loss).abs() / expected.loss;
        assert!(
            loss < near * unit,
            "{precision:?}: a loss of {} for {}",
            found.loss,
            expected.loss
        );
        let all = distance(&found.gradients.concat(), &expected.gradients.concat());
        assert!(all < near * unit, "{precision:?}: {all}");
        for ((param, found), expected) in
            graph.params.iter().zip(found.gradients.iter()).zip(expected.gradients.iter())
        {
            let off = distance(found, expected);
            // A number that is a sum over all pixels of both signs may lose more than they do.
            assert!(0.0 < off && off < 64.0 * unit, "{precision:?}, {}: {off}", param.name);
        }
    }
}

#[test]
fn what_is_stored_is_what_the_format_holds() {
    let (graph, parameters, batch) = model();
    for precision in [Precision::Bf16, Precision::F16] {
        let mut evaluator = Compiled::evaluator_in(precision, &graph, parameters.clone(), 2);
        let logits = evaluator.logits(&batch.images).unwrap();
        let mut stored = logits.clone();
        narrow(precision, &mut stored);
        assert_eq!(logits, stored);
        // A model in training is measured in its precision as well, at the running mean.
        let mut trainer = trainer(&graph, &parameters, method(precision, None), 2);
        assert_eq!(trainer.logits(&batch.images).unwrap(), logits);
    }
}

/// Gradients below the smallest number of half precision would be lost.
#[test]
fn the_loss_scale_saves_small_gradients() {
    let (graph, parameters, mut batch) = model();
    // So many images that none has much of a say.
    let images = 512;
    batch.images =
        batch.images.iter().copied().cycle().take(images * batch.images.len() / 6).collect();
    batch.labels = batch.labels.iter().copied().cycle().take(images).collect();
    let gradients = |method: Method| {
        trainer(&graph, &parameters, method, 2)
            .gradients(&parameters, &batch, KEY)
            .unwrap()
            .gradients
    };
    let expected = gradients(method(Precision::F32, None)).concat();
    let off = |scaling| distance(&gradients(method(Precision::F16, scaling)).concat(), &expected);
    let (scaled, plain) = (off(scale(65536.0)), off(None));
    assert!(scaled < 16.0 * unit(Precision::F16) && 2.0 * scaled < plain, "{scaled}, {plain}");
}

#[test]
fn a_step_that_overflows_changes_the_scale_alone() {
    let (graph, parameters, batch) = model();
    let start = 2f64.powi(40);
    let mut trainer = trainer(&graph, &parameters, method(Precision::F16, scale(start)), 2);
    let mut halved = 0;
    let step = |trainer: &mut Compiled, number| {
        trainer.step(&batch, 1e-3, StepKey { seed: 1, step: number }).unwrap()
    };
    let first = loop {
        let before = trainer.state().map(|(p, o)| (p.clone(), o.clone())).unwrap();
        let shown = step(&mut trainer, halved);
        if shown.taken {
            break shown;
        }
        halved += 1;
        assert!(shown.loss.is_finite());
        assert_eq!(
            shown.scaling,
            Some(Scaling { scale: start / 2f64.powi(halved as i32), good: 0 })
        );
        let (now, optimizer) = trainer.state().unwrap();
        let expected = Optimizer { scaling: shown.scaling, ..before.1 };
        assert_eq!((now, optimizer), (&before.0, &expected));
    };
    // The first scale at which the loss's own gradient, up to 1 / 6 of it, does not overflow is 2^18.
    assert!((20..=30).contains(&halved), "{halved} steps");
    let scale = start / 2f64.powi(halved as i32);
    assert_eq!(first.scaling, Some(Scaling { scale, good: 1 }));
    assert_eq!(trainer.state().unwrap().1.steps, 1);
    // After three good steps in a row it doubles.
    step(&mut trainer, halved + 1);
    let third = step(&mut trainer, halved + 2);
    assert_eq!(third.scaling, Some(Scaling { scale: 2.0 * scale, good: 0 }));
}

/// The update sees gradients of the loss itself: clipped by their own norm.
#[test]
fn scaled_steps_end_near_unscaled_ones() {
    let (graph, parameters, batch) = model();
    let end = |method: Method, threads| {
        let mut trainer = trainer(&graph, &parameters, method, threads);
        for step in 0..3 {
            trainer.step(&batch, 1e-3, StepKey { seed: 1, step }).unwrap();
        }
        trainer.state().map(|(p, o)| (p.clone(), o.clone())).unwrap()
    };
    // A power of two changes nothing in `f32`, where nothing is lost.
    let (plain, scaled) =
        (end(method(Precision::F32, None), 1), end(method(Precision::F32, scale(64.0)), 1));
    assert!(distance(&scaled.0.concat(), &plain.0.concat()) < 1e-7);
    assert_eq!(scaled.1.scaling, Some(Scaling { scale: 128.0, good: 0 }));
    // Threads change no bit.
    let of = |threads| end(method(Precision::F16, scale(64.0)), threads);
    assert_eq!(of(1), of(3));
}

#[test]
fn without_a_smaller_scale_an_overflow_is_an_error() {
    let (graph, mut parameters, batch) = model();
    // A head whose logits half precision does not hold.
    let head = graph.params.iter().position(|param| param.name == "head.linear.weight").unwrap();
    parameters[head].iter_mut().for_each(|x| *x *= 1e6);
    let fixed = Some(LossScale { start: 8.0, interval: None });
    for (scaling, skipped) in [(scale(8.0), 3), (fixed, 0)] {
        let method = method(Precision::F16, scaling);
        let mut trainer = trainer(&graph, &parameters, method, 2);
        let mut step = || trainer.step(&batch, 1e-3, KEY);
        for _ in 0..skipped {
            assert!(!step().unwrap().taken);
        }
        let error = step().unwrap_err().to_string();
        assert!(error.contains("the loss is"), "{error}");
        // Its forward pass is to blame, and where.
        let first = first_not_finite(&graph, method, &parameters, &batch, 1.0, KEY).unwrap();
        assert_eq!(
            first.unwrap(),
            "`head.linear` (linear) gives the first, for image 1 of its batch"
        );
    }
    // In f32 and bf16 all of it is finite.
    for precision in [Precision::F32, Precision::Bf16] {
        let method = method(precision, None);
        let first = first_not_finite(&graph, method, &parameters, &batch, 1.0, KEY).unwrap();
        assert_eq!(first, None);
    }
}

/// A loss may overflow though the logits do not.
#[test]
fn a_loss_that_overflows_is_named() {
    let (graph, mut parameters, batch) = model();
    let bias = graph.params.iter().position(|param| param.published == "head.bias").unwrap();
    let label = batch.labels[0] as usize;
    parameters[bias].iter_mut().for_each(|x| *x = 3e38);
    parameters[bias][label] = -3e38;
    let method = method(Precision::F32, None);
    let first = first_not_finite(&graph, method, &parameters, &batch, 1.0, KEY).unwrap();
    assert_eq!(first.unwrap(), "`loss` (cross_entropy) gives the first, for image 1 of its batch");
}

/// Where the backward pass overflows, that is found as well.
#[test]
fn the_first_gradient_that_overflows_is_named() {
    let (graph, parameters, batch) = model();
    let method = method(Precision::F16, scale(1e9));
    let first = first_not_finite(&graph, method, &parameters, &batch, 1e9, KEY).unwrap().unwrap();
    assert_eq!(
        first,
        "the gradient through `loss` (cross_entropy) is the first, for image 1 of its batch"
    );
}
