//! A whole training step and a whole evaluation, planned, walked onto a tape and played: against the
//! reference executor.

use super::bench::Bench;
use super::device;
use super::oracle::{close, pixels_first};
use candle_core::{DType, Device, Tensor};
use cluec::diag::Sources;
use cluec::exec::cuda::tape::{Pointer, Precision};
use cluec::exec::cuda::walk::{End, Layout, Weights, finish, sites, walk};
use cluec::exec::init::initialize;
use cluec::exec::random::{Random, Site};
use cluec::exec::reference::assign::Assignment;
use cluec::exec::reference::{Mode, Output, Reference, evaluate, variables};
use cluec::exec::{Batch, Optimizer, Other, Parameters, StepKey};
use cluec::graph::ops::{Average, CrossEntropy, Rule, Update};
use cluec::graph::{Graph, Value};
use cluec::passes::{self, Keep, Method, Processor};
use cluec::plan::Plan;

/// Two stages with everything a published model has: shared assignments, a gate, cluster pooling.
const TEXT: &str = "
model two {
    input   12x16
    classes 5
    embed   patches { kernel 3x3; stride 1; pad 1; coords on; norm layer; position dwconv }
    stages 2
    blocks 2 1
    width  8 12
    norm   layer
    mixer cluster {
        grid       2x3
        heads      1 2
        head_width 8
        refine     cosine
        fuse       gate
        query      heads
        assign     hard
        dispatch   shared
    }
    ffn       mlp { ratio 2 2; depthwise 3x3 }
    pool      icp
    head      mean { norm layer }
    drop_path 0.3
}
";

pub fn model(sets: &[&str]) -> Graph {
    let mut sources = Sources::default();
    let sets: Vec<_> = sets.iter().map(|set| (*set).into()).collect();
    let (program, diags) = cluec::compile_text(&mut sources, "two.clue", TEXT, &sets);
    assert!(!diags.has_errors(), "{diags:?}");
    program.models[0].graph.clone().unwrap()
}

pub fn batch(graph: &Graph, images: usize) -> Batch {
    let mut random = Random::named(3, "batch", Site::Other);
    let [h, w] = graph.input_size();
    Batch {
        images: (0..images * h * w * 3).map(|_| random.normal() as f32).collect(),
        labels: (0..images).map(|_| random.below(graph.classes() as u64) as u32).collect(),
        ..Batch::default()
    }
}

/// Weights large enough that every part of the model has a say.
pub fn parameters(graph: &Graph) -> Parameters {
    let mut random = Random::named(4, "parameters", Site::Other);
    let mut parameters = initialize(graph, 1);
    for (values, param) in parameters.iter_mut().zip(graph.params.iter()) {
        let fan = param.shape.iter().rev().skip(1).product::<usize>().max(1) as f64;
        values.iter_mut().for_each(|x| *x += (0.5 * random.normal() / fan.sqrt()) as f32);
    }
    parameters
}

/// Lays a batch and parameters out; `wide` arrays get a number for every parameter.
pub fn fill(
    bench: &mut Bench,
    layout: &Layout,
    weights: &Weights,
    parameters: &Parameters,
    batch: &Batch,
) {
    bench.set_wide(layout.images, &batch.images);
    bench.set_words(layout.targets.labels, &batch.labels);
    if layout.targets.others != Pointer::NULL {
        let labels: Vec<u32> = batch.others.iter().map(|other| other.label).collect();
        let shares: Vec<f32> = batch.others.iter().map(|other| other.share).collect();
        bench.set_words(layout.targets.others, &labels);
        bench.set_wide(layout.targets.shares, &shares);
    }
    let mut all = vec![0f32; weights.numbers];
    for (offset, values) in weights.offsets.iter().zip(parameters.iter()) {
        all[*offset..offset + values.len()].copy_from_slice(values);
    }
    bench.set_wide(weights.parameters, &all);
    if weights.copy != weights.parameters {
        bench.set(weights.copy, &all);
    }
}

/// One array's numbers, by parameter.
pub fn read(
    bench: &mut Bench,
    weights: &Weights,
    at: Pointer,
    parameters: &Parameters,
) -> Vec<Vec<f32>> {
    let all = bench.read_wide(at, weights.numbers);
    let pairs = weights.offsets.iter().zip(parameters.iter());
    pairs.map(|(&offset, values)| all[offset..offset + values.len()].to_vec()).collect()
}

/// Where a plan that keeps them left other choices than the reference makes: said, not held against it,
/// as two centers may be equally near up to the order of sums. Numbers that are far off are then explained.
fn choices(
    bench: &mut Bench,
    plan: &Plan,
    layout: &Layout,
    reference: &Reference,
    parameters: &Parameters,
    images: &[f32],
    mode: Mode,
) {
    let graph = reference.graph();
    let [h, w] = graph.input_size();
    let count = images.len() / (3 * h * w);
    let images = Tensor::from_slice(images, (count, h, w, 3), &Device::Cpu).unwrap();
    let variables = variables(graph, parameters, DType::F32).unwrap();
    let variables: Vec<Tensor> = variables.iter().map(|x| x.as_detached_tensor()).collect();
    let outputs = evaluate(graph, &variables, &[(Value(0), images)], mode, true).unwrap();
    for (tap, own) in graph.taps.iter().zip(&plan.graph.taps) {
        assert_eq!(tap.published, own.published);
        let (expected, heads) = match outputs[tap.value.0 as usize].as_ref().unwrap() {
            Output::Assignment(Assignment::Hard { index, .. }) => {
                (pixels_first(index), index.dim(1).unwrap())
            }
            Output::Index(index) => (index.clone(), 1),
            _ => continue,
        };
        let expected = expected.flatten_all().unwrap().to_vec1::<u32>().unwrap();
        let at = layout.result(plan, count, own.value, 0).unwrap();
        let found = bench.read_words(at, expected.len());
        let pixels = expected.len() / count / heads;
        for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
            if *found != expected {
                let (image, pixel, head) = (i / heads / pixels, i / heads % pixels, i % heads);
                println!(
                    "{}: pixel {pixel} of image {image}, head {head}: center {found}, not {expected}",
                    tap.published
                );
            }
        }
    }
}

/// Finds room for a plan and writes it onto the tape.
pub fn place(bench: &mut Bench, plan: &Plan, images: usize) -> (Weights, Layout) {
    let (precision, nowhere) = (bench.precision(), Pointer::NULL);
    let weights = |at| Weights::new(&plan.graph, precision, 1, at);
    let end = if plan.graph.update().is_some() { End::Move } else { End::Stay };
    let bytes = weights(nowhere).bytes;
    let weights = weights(bench.room(bytes));
    let (size, _) = walk(plan, images, precision, &weights, nowhere, end);
    let base = bench.room(size.bytes);
    let (layout, tape) = walk(plan, images, precision, &weights, base, end);
    bench.tape = tape;
    (weights, layout)
}

#[test]
fn the_tapes_of_all_nodes_are_the_step() {
    let plan = Plan::training_by(&model(&[]), Method::default(), Processor::Gpu);
    let weights = Weights::new(&plan.graph, Precision::Bf16, 1, Pointer(256));
    let (base, end) = (Pointer(1 << 20), End::Move);
    let (_, whole) = walk(&plan, 3, Precision::Bf16, &weights, base, end);
    let nodes = whole.cut();
    assert_eq!(nodes.len(), plan.graph.values().count());
    let commands: Vec<_> = nodes.into_iter().flat_map(|tape| tape.commands).collect();
    assert!(commands == whole.commands);
}

fn step(sets: &[&str], precision: Precision, bound: f64) {
    step_by(Method::default(), sets, precision, bound);
}

fn step_by(method: Method, sets: &[&str], precision: Precision, bound: f64) {
    let graph = model(sets);
    let (images, key) = (3, StepKey { seed: 9, step: 4 });
    let (mut batch, parameters) = (batch(&graph, images), parameters(&graph));
    if method.loss.mixed {
        let other = |i| Other { label: i, share: 0.25 * i as f32 };
        batch.others = (0..3).map(other).collect();
    }
    let reference = Reference::new(graph.clone(), 1).unwrap().minimizing(method.loss);
    let expected = reference.gradients(&parameters, &batch, key).unwrap();
    // The step as it is run, laid out so that choices stay.
    let step = passes::step(&graph, method, Processor::Gpu, Keep::Output);
    let plan = Plan::together(step, Keep::Taps, precision);
    let decays = vec![true; parameters.len()];
    let Some(device) = device() else { return };
    let mut bench = Bench::new(&device, precision);
    let (weights, layout) = place(&mut bench, &plan, images);
    fill(&mut bench, &layout, &weights, &parameters, &batch);
    let mut factors = Vec::new();
    for (rate, site) in sites(&plan) {
        factors.extend((0..images as u64).map(|image| factor(rate, site, image, key)));
    }
    bench.set_wide(layout.factors, &factors);
    for array in weights.kept.iter().chain([&weights.gradients]) {
        bench.set_wide(*array, &vec![0.0; weights.numbers]);
    }
    let mut bytes = vec![0u32; weights.numbers / 4];
    for (offset, param) in weights.offsets.iter().zip(graph.params.iter()) {
        bytes[offset / 4..(offset + param.elements()).div_ceil(4)].fill(0x0101_0101);
    }
    bench.set_words(weights.decays, &bytes);
    let lr = 0.01;
    let mut host = Optimizer::new(method.update, decays.clone(), &parameters);
    bench.set_wide(layout.step, &host.clone().begin(lr, 1.0).words());
    bench.play();

    let mode = Mode::Training { key, image: 0 };
    choices(&mut bench, &plan, &layout, &reference, &parameters, &batch.images, mode);
    let losses = layout.result(&plan, images, plan.graph.loss.unwrap(), 0).unwrap();
    let loss = bench.read_wide(losses, images).iter().sum::<f32>() / images as f32;
    close("loss", &[loss], &[expected.loss as f32], bound);
    if precision == Precision::Bf16 {
        return;
    }
    let logits = layout.result(&plan, images, plan.graph.output, 0).unwrap();
    let logits = bench.read(logits, images * graph.classes());
    close("logits", &logits, &expected.logits, bound);
    let gradients = read(&mut bench, &weights, weights.gradients, &parameters);
    let slopes = gradients.iter().zip(expected.gradients.iter()).zip(graph.params.iter());
    for ((found, expected), param) in slopes {
        let length = |x: &[f32]| x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        // A gradient that nearly vanishes is compared on the scale of the others.
        let least = 1e-3 / length(expected).max(1e-12);
        close(&param.name, found, expected, bound * (10.0 + least));
    }
    // The update, from the gradients found.
    let mut moved = parameters.clone();
    host.step(&mut moved, &mut gradients.into_iter().collect(), lr);
    let updated = read(&mut bench, &weights, weights.parameters, &parameters);
    close("updated", &updated.concat(), &moved.concat(), 1e-6);
}

/// What drop path scales an image by.
pub fn factor(rate: f64, site: u64, image: u64, key: StepKey) -> f32 {
    let mut random = Random::new(key.seed, key.step, site << 32 | image, Site::DropPath);
    if random.uniform() < rate { 0.0 } else { (1.0 / (1.0 - rate)) as f32 }
}

#[test]
fn a_training_step_agrees() {
    step(&[], Precision::F32, 1e-5);
}

/// Momentum, clipping, smoothed labels of images that are mixed.
#[test]
fn a_training_step_by_another_method_agrees() {
    let rule = Rule::Sgd { momentum: 0.9, nesterov: true, weight_decay: 0.01 };
    let loss = CrossEntropy { smoothing: 0.1, mixed: true };
    let update = Update { rule, clip: Some(0.5), ..Update::default() };
    let method = Method { loss, update, ..Method::default() };
    step_by(method, &[], Precision::F32, 1e-5);
}

/// A batch in parts, the last one smaller, moves parameters and their running mean as a whole one does.
#[test]
fn parts_of_a_batch_are_a_batch() {
    let rule = Rule::Sgd { momentum: 0.9, nesterov: false, weight_decay: 0.01 };
    let average = Some(Average { decay: 0.9, warmup: false });
    let update = Update { rule, clip: Some(0.5), average, scaling: None };
    let loss = CrossEntropy { smoothing: 0.1, mixed: true };
    let method = Method { loss, update, parts: 3, ..Method::default() };
    // No choice is so close that another order of sums decides it.
    let graph = model(&["mixer.assign=soft"]);
    let (images, key, lr) = (5, StepKey { seed: 9, step: 4 }, 0.01);
    let (mut batch, parameters) = (batch(&graph, images), parameters(&graph));
    batch.others = (0..5).map(|i| Other { label: 4 - i, share: 0.125 * i as f32 }).collect();
    let reference = Reference::new(graph.clone(), 1).unwrap().minimizing(loss);
    let mut expected = reference.gradients(&parameters, &batch, key).unwrap();
    let mut host = Optimizer::new(update, vec![false; parameters.len()], &parameters);
    let words = host.clone().begin(lr, 1.0).words();
    let mut moved = parameters.clone();
    host.step(&mut moved, &mut expected.gradients, lr);

    let plan = Plan::training_by(&graph, method, Processor::Gpu);
    let Some(device) = device() else { return };
    let mut bench = Bench::new(&device, Precision::F32);
    let (precision, nowhere) = (Precision::F32, Pointer::NULL);
    let bytes = Weights::new(&plan.graph, precision, 3, nowhere).bytes;
    let weights = Weights::new(&plan.graph, precision, 3, bench.room(bytes));
    // Gaps between parameters as well.
    let arrays = weights.kept.iter().chain(&weights.average[..1]);
    for array in arrays.chain([&weights.gradients, &weights.sum]) {
        bench.set_wide(*array, &vec![0.0; weights.numbers]);
    }
    bench.set_words(weights.decays, &vec![0; weights.numbers / 4]);
    let [h, w] = graph.input_size();
    let mut losses = 0.0;
    for first in [0, 2, 4] {
        let range = first..images.min(first + 2);
        let part = Batch {
            images: batch.images[range.start * h * w * 3..range.end * h * w * 3].to_vec(),
            labels: batch.labels[range.clone()].to_vec(),
            others: batch.others[range.clone()].to_vec(),
            ..Batch::default()
        };
        let end = End::Add { whole: images, first: first == 0 };
        let (size, _) = walk(&plan, range.len(), precision, &weights, nowhere, end);
        let base = bench.room(size.bytes);
        let (layout, tape) = walk(&plan, range.len(), precision, &weights, base, end);
        bench.tape = tape;
        fill(&mut bench, &layout, &weights, &parameters, &part);
        let mut factors = Vec::new();
        for (rate, site) in sites(&plan) {
            factors.extend(range.clone().map(|image| factor(rate, site, image as u64, key)));
        }
        bench.set_wide(layout.factors, &factors);
        bench.set_wide(layout.step, &words);
        bench.play();
        let at = layout.result(&plan, range.len(), plan.graph.loss.unwrap(), 0).unwrap();
        losses += bench.read_wide(at, range.len()).iter().sum::<f32>();
    }
    close("loss", &[losses / images as f32], &[expected.loss as f32], 1e-5);
    let (size, _) = finish(update, precision, &weights, nowhere);
    let base = bench.room(size.bytes);
    let (ending, tape) = finish(update, precision, &weights, base);
    bench.tape = tape;
    bench.set_wide(ending.step, &words);
    bench.play();
    assert!(bench.read_wide(ending.norm, 1)[0].is_finite());
    let found = read(&mut bench, &weights, weights.parameters, &parameters);
    close("updated", &found.concat(), &moved.concat(), 1e-6);
    let found = read(&mut bench, &weights, weights.average[0], &parameters);
    close("the mean", &found.concat(), &host.average.clone().unwrap().concat(), 1e-6);
}

/// In bfloat16 choices near a tie may fall the other way: the loss alone is compared.
#[test]
fn a_training_step_in_bfloat16_has_about_the_same_loss() {
    step(&[], Precision::Bf16, 2e-2);
}

#[test]
fn a_training_step_of_other_blocks_agrees() {
    step(&["mixer.assign=soft", "mixer.refine=dot"], Precision::F32, 1e-5);
}

/// Context-Cluster, FEC, ClusterFormer, and windows with everything that compares within them.
#[test]
fn training_steps_of_the_family_agree() {
    let frame = [
        "norm=group",
        "layer_scale=0.3",
        "mixer.refine=off",
        "mixer.fuse=off",
        "mixer.dispatch=private",
        "mixer.query=centers",
        "ffn.depthwise=off",
        "head.norm=group",
    ];
    let of = |sets: &[&'static str]| {
        let path = |set: &&'static str| set.split('=').next();
        let others = frame.iter().filter(|set| !sets.iter().any(|of| path(of) == path(set)));
        others.chain(sets).copied().collect::<Vec<_>>()
    };
    let raw = [
        "mixer.layout=raw",
        "mixer.key=own",
        "mixer.refine=dot",
        "mixer.refine.steps=3",
        "mixer.query=refined",
    ];
    for sets in [
        of(&["mixer.regroup=weighted", "mixer.windows=2x4", "pool=conv"]),
        of(&["mixer.regroup=mean", "pool=fec"]),
        of(&[&["mixer.regroup=mixed", "mixer.windows=2x2", "pool=conv"][..], &raw].concat()),
        vec!["mixer.windows=3x2", "pool.windows=3x2"],
        vec!["mixer.windows=2x2", "mixer.assign=soft", "mixer.regroup=weighted"],
    ] {
        println!("{sets:?}");
        step(&sets, Precision::F32, 1e-5);
    }
}

#[test]
fn evaluation_agrees() {
    let graph = model(&[]);
    let (images, parameters) = (2, parameters(&graph));
    let batch = batch(&graph, images);
    let reference = Reference::new(graph.clone(), 1).unwrap();
    let expected = reference.logits(&parameters, &batch.images).unwrap();
    let evaluation = passes::evaluation(&graph, Keep::Output);
    let plan = Plan::together(evaluation, Keep::Taps, Precision::F32);
    let Some(device) = device() else { return };
    let mut bench = Bench::new(&device, Precision::F32);
    let (weights, layout) = place(&mut bench, &plan, images);
    fill(&mut bench, &layout, &weights, &parameters, &batch);
    bench.play();
    let mode = Mode::Evaluation;
    choices(&mut bench, &plan, &layout, &reference, &parameters, &batch.images, mode);
    let logits = layout.result(&plan, images, plan.graph.output, 0).unwrap();
    close("logits", &bench.read(logits, images * graph.classes()), &expected, 1e-5);
}
