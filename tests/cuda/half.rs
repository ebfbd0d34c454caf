//! A training step in a format of 16 bits, walked onto a tape and played: against the CPU's compiled
//! executor in the same format. Both round what an op leaves; inside of one, a GPU stores what the CPU
//! keeps in `f32` (the hidden map of a perceptron), so that they agree but for some roundings.

use super::bench::Bench;
use super::device;
use super::step::{batch, factor, fill, model, place, read};
use cluec::exec::cpu::Compiled;
use cluec::exec::cuda::tape::Precision;
use cluec::exec::cuda::walk::sites;
use cluec::exec::init::initialize;
use cluec::exec::random::{Random, Site};
use cluec::exec::{Batch, Optimizer, Parameters, StepKey};
use cluec::graph::Graph;
use cluec::graph::ops::{LossScale, Update};
use cluec::passes::{Method, Processor};
use cluec::plan::Plan;

const IMAGES: usize = 3;
const SCALE: f64 = 1024.0;
const TRIALS: usize = 16;
const KEY: StepKey = StepKey { seed: 9, step: 4 };

/// The largest relative error of one rounding.
fn unit(precision: Precision) -> f64 {
    match precision {
        Precision::F32 => 2f64.powi(-24),
        Precision::Bf16 => 2f64.powi(-8),
        Precision::F16 => 2f64.powi(-11),
    }
}

/// Off by at most this many roundings, in L2.
fn close(name: &str, found: &[f32], expected: &[f32], allowed: f64) {
    assert_eq!(found.len(), expected.len(), "{name}");
    let off = distance(found, expected);
    let all = length(expected);
    // A number that is none compares as wrong.
    assert!(off <= allowed * all, "{name}: {:e}, allowed {allowed:e}", off / all);
}

fn length(x: &[f32]) -> f64 {
    distance(x, &vec![0.0; x.len()])
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    let pairs = a.iter().zip(b);
    pairs.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>().sqrt()
}

/// As a model begins, and a little away from there: rounding stays as small as it is.
fn parameters(graph: &Graph) -> Parameters {
    let mut random = Random::named(4, "parameters", Site::Other);
    let mut parameters = initialize(graph, 1);
    parameters.iter_mut().flatten().for_each(|x| *x += 0.05 * random.normal() as f32);
    parameters
}

fn method(precision: Precision, start: f64) -> Method {
    let scaling = Some(LossScale { start, interval: Some(100) });
    let update = Update { clip: Some(0.5), scaling, ..Update::default() };
    Method { update, precision, ..Method::default() }
}

/// How far roundings move the gradient of each parameter, as a root mean square: what comes of other
/// parameters and images, each off by at most one rounding. A sum in which much cancels moves far.
fn spread(
    cpu: &mut Compiled,
    parameters: &Parameters,
    batch: &Batch,
    gradients: &Parameters,
    unit: f64,
) -> Vec<f64> {
    let mut random = Random::named(5, "roundings", Site::Other);
    let mut off = |x: &mut f32| *x *= 1.0 + random.range(-unit, unit) as f32;
    let mut squares = vec![0.0; parameters.len()];
    for _ in 0..TRIALS {
        let (mut parameters, mut batch) = (parameters.clone(), batch.clone());
        parameters.iter_mut().flatten().chain(&mut batch.images).for_each(&mut off);
        let moved = cpu.gradients(&parameters, &batch, KEY).unwrap().gradients;
        for ((sum, moved), own) in squares.iter_mut().zip(moved.iter()).zip(gradients.iter()) {
            *sum += distance(moved, own).powi(2) / TRIALS as f64;
        }
    }
    squares.into_iter().map(f64::sqrt).collect()
}

/// `smooth`: nothing is chosen, so that rounding changes nothing large.
fn agrees(sets: &[&str], precision: Precision, smooth: bool) {
    let graph = model(sets);
    let (batch, parameters) = (batch(&graph, IMAGES), parameters(&graph));
    let method = method(precision, SCALE);
    let decays = vec![true; parameters.len()];
    let mut host = Optimizer::new(method.update, decays.clone(), &parameters);
    let mut cpu = Compiled::trainer(&graph, parameters.clone(), host.clone(), method, 1);
    let expected = cpu.gradients(&parameters, &batch, KEY).unwrap();
    let plan = Plan::training_by(&graph, method, Processor::Gpu);
    let Some(device) = device() else { return };
    let mut bench = Bench::new(&device, precision);
    let (weights, layout) = place(&mut bench, &plan, IMAGES);
    fill(&mut bench, &layout, &weights, &parameters, &batch);
    let mut factors = Vec::new();
    for (rate, site) in sites(&plan) {
        factors.extend((0..IMAGES as u64).map(|image| factor(rate, site, image, KEY)));
    }
    bench.set_wide(layout.factors, &factors);
    for array in weights.kept.iter().chain([&weights.gradients]) {
        bench.set_wide(*array, &vec![0.0; weights.numbers]);
    }
    bench.set_words(weights.decays, &vec![0x0101_0101; weights.numbers / 4]);
    let (lr, images) = (0.01, IMAGES);
    bench.set_wide(layout.step, &host.clone().begin(lr, 1.0).words());
    bench.play();

    let losses = layout.result(&plan, images, plan.graph.loss.unwrap(), 0).unwrap();
    let loss = bench.read_wide(losses, images).iter().sum::<f32>() / images as f32;
    let logits = layout.result(&plan, images, plan.graph.output, 0).unwrap();
    let logits = bench.read(logits, images * graph.classes());
    let unit = unit(precision);
    let near = if smooth { 4.0 } else { 32.0 } * unit;
    close("loss", &[loss], &[expected.loss as f32], near);
    if smooth {
        close("logits", &logits, &expected.logits, near);
    }
    let mut gradients = read(&mut bench, &weights, weights.gradients, &parameters)
        .into_iter()
        .collect::<Parameters>();
    if smooth {
        let unscaled = |g: &[f32]| g.iter().map(|g| g / SCALE as f32).collect::<Vec<f32>>();
        let all = unscaled(&gradients.concat());
        close("gradients", &all, &expected.gradients.concat(), near);
        let spread = spread(&mut cpu, &parameters, &batch, &expected.gradients, unit);
        for (index, param) in graph.params.iter().enumerate() {
            let found = unscaled(&gradients[index]);
            let off = distance(&found, &expected.gradients[index]);
            let (name, spread) = (&param.name, spread[index]);
            let all = length(&expected.gradients[index]);
            assert!(spread < 0.1 * all, "{name}: roundings move {all:e} by {spread:e}");
            assert!(
                off <= 3.0 * spread,
                "{name}: off by {off:e}, where roundings move it by {spread:e}"
            );
        }
    }
    // The update, from the gradients found, of the masters; and what products read of them.
    let mut moved = parameters.clone();
    host.step(&mut moved, &mut gradients, lr);
    let updated = read(&mut bench, &weights, weights.parameters, &parameters);
    close("updated", &updated.concat(), &moved.concat(), 1e-6);
    let copy = bench.read(weights.copy, weights.numbers);
    for (at, moved) in weights.offsets.iter().zip(moved.iter()) {
        close("copy", &copy[*at..at + moved.len()], moved, unit);
    }
}

#[test]
fn a_training_step_in_16_bits_is_the_cpus() {
    for precision in [Precision::Bf16, Precision::F16] {
        println!("{precision:?}");
        agrees(&["mixer.assign=soft", "pool=conv"], precision, true);
    }
}

/// Where centers are chosen, a choice near a tie may fall the other way.
#[test]
fn a_step_with_choices_in_half_precision_is_near_the_cpus() {
    agrees(&[], Precision::F16, false);
}

/// The kernels that the published members of the family run besides.
#[test]
fn steps_of_the_family_in_half_precision_are_the_cpus() {
    let sets = [
        "norm=group",
        "layer_scale=0.3",
        "head.norm=group",
        "ffn.depthwise=off",
        "mixer.refine=dot",
        "mixer.assign=soft",
        "mixer.regroup=weighted",
        "mixer.windows=2x2",
        "pool=conv",
    ];
    agrees(&sets, Precision::F16, true);
}

/// Gradients that overflow move nothing.
#[test]
fn an_overflow_in_half_precision_moves_nothing() {
    let graph = model(&["mixer.assign=soft", "pool=conv"]);
    let (batch, parameters) = (batch(&graph, IMAGES), parameters(&graph));
    let method = method(Precision::F16, 1e9);
    let plan = Plan::training_by(&graph, method, Processor::Gpu);
    let Some(device) = device() else { return };
    let mut bench = Bench::new(&device, Precision::F16);
    let (weights, layout) = place(&mut bench, &plan, IMAGES);
    fill(&mut bench, &layout, &weights, &parameters, &batch);
    bench.set_wide(layout.factors, &vec![1.0; IMAGES * sites(&plan).len()]);
    for array in weights.kept.iter().chain([&weights.gradients]) {
        bench.set_wide(*array, &vec![0.0; weights.numbers]);
    }
    bench.set_words(weights.decays, &vec![0; weights.numbers / 4]);
    let mut host = Optimizer::new(method.update, vec![false; parameters.len()], &parameters);
    bench.set_wide(layout.step, &host.begin(0.01, 1.0).words());
    bench.play();
    assert!(bench.read_wide(layout.norm, 1)[0].is_nan());
    let left = read(&mut bench, &weights, weights.parameters, &parameters);
    assert_eq!(left.into_iter().collect::<Parameters>(), parameters);
}
