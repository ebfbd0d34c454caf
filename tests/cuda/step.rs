//! A whole training step and a whole evaluation, planned, walked onto a tape and played: against the
//! reference executor.

use super::bench::Bench;
use super::machines;
use super::oracle::close;
use cluec::diag::Sources;
use cluec::exec::cuda::tape::{Pointer, Precision};
use cluec::exec::cuda::walk::{Layout, Rates, Weights, sites, walk};
use cluec::exec::init::initialize;
use cluec::exec::random::{Random, Site};
use cluec::exec::reference::Reference;
use cluec::exec::{AdamW, AdamWConfig, Batch, Parameters, StepKey};
use cluec::graph::Graph;
use cluec::passes::{self, Keep};
use cluec::plan::Plan;

const CONFIG: AdamWConfig = AdamWConfig { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.05 };
const RATES: Rates = Rates { beta1: 0.9, beta2: 0.999, eps: 1e-8 };

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

fn model(sets: &[&str]) -> Graph {
    let mut sources = Sources::default();
    let sets: Vec<String> = sets.iter().map(|set| set.to_string()).collect();
    let (program, diags) = cluec::compile_text(&mut sources, "two.clue", TEXT, &sets);
    assert!(!diags.has_errors(), "{diags:?}");
    program.models[0].graph.clone().unwrap()
}

fn batch(graph: &Graph, images: usize) -> Batch {
    let mut random = Random::named(3, "batch", Site::Other);
    let [h, w] = graph.input_size();
    Batch {
        images: (0..images * h * w * 3).map(|_| random.normal() as f32).collect(),
        labels: (0..images).map(|_| random.below(graph.classes() as u64) as u32).collect(),
    }
}

/// Weights large enough that every part of the model has a say.
fn parameters(graph: &Graph) -> Parameters {
    let mut random = Random::named(4, "parameters", Site::Other);
    let mut parameters = initialize(graph, 1);
    for (values, param) in parameters.0.iter_mut().zip(graph.params.iter()) {
        let fan = param.shape.iter().rev().skip(1).product::<usize>().max(1) as f64;
        values.iter_mut().for_each(|x| *x += (0.5 * random.normal() / fan.sqrt()) as f32);
    }
    parameters
}

/// Lays a batch and parameters out; `wide` arrays get a number for every parameter.
fn fill(
    bench: &mut Bench,
    layout: &Layout,
    weights: &Weights,
    parameters: &Parameters,
    batch: &Batch,
) {
    bench.set_wide(layout.images, &batch.images);
    bench.set_words(layout.labels, &batch.labels);
    let mut all = vec![0f32; weights.numbers];
    for (offset, values) in weights.offsets.iter().zip(&parameters.0) {
        all[*offset..offset + values.len()].copy_from_slice(values);
    }
    bench.set_wide(weights.parameters, &all);
    if weights.copy != weights.parameters {
        bench.set(weights.copy, &all);
    }
}

/// One array's numbers, by parameter.
fn read(
    bench: &mut Bench,
    weights: &Weights,
    at: Pointer,
    parameters: &Parameters,
) -> Vec<Vec<f32>> {
    let all = bench.read_wide(at, weights.numbers);
    let pairs = weights.offsets.iter().zip(&parameters.0);
    pairs.map(|(&offset, values)| all[offset..offset + values.len()].to_vec()).collect()
}

/// Finds room for a plan and writes it onto the tape.
fn place(bench: &mut Bench, plan: &Plan, images: usize, rates: Option<Rates>) -> (Weights, Layout) {
    let (precision, nowhere) = (bench.precision(), Pointer::NULL);
    let weights = |at| Weights::new(&plan.graph, precision, plan.graph.loss.is_some(), at);
    let bytes = weights(nowhere).bytes;
    let weights = weights(bench.room(bytes));
    let (size, _) = walk(plan, images, precision, &weights, nowhere, rates);
    let base = bench.room(size.bytes);
    let (layout, tape) = walk(plan, images, precision, &weights, base, rates);
    bench.tape = tape;
    (weights, layout)
}

fn step(sets: &[&str], precision: Precision, bound: f64) {
    let graph = model(sets);
    let (images, key) = (3, StepKey { seed: 9, step: 4 });
    let (batch, parameters) = (batch(&graph, images), parameters(&graph));
    let reference = Reference::new(graph.clone(), 1).unwrap();
    let expected = reference.gradients(&parameters, &batch, key).unwrap();
    let plan = Plan::new(passes::step(&graph, None, Keep::Output), Keep::Output);
    for machine in machines() {
        let mut bench = Bench::new(machine, precision);
        let (weights, layout) = place(&mut bench, &plan, images, Some(RATES));
        fill(&mut bench, &layout, &weights, &parameters, &batch);
        let mut factors = Vec::new();
        for (rate, site) in sites(&plan) {
            factors.extend((0..images as u64).map(|image| factor(rate, site, image, key)));
        }
        bench.set_wide(layout.factors, &factors);
        for array in [weights.gradients, weights.moments[0], weights.moments[1]] {
            bench.set_wide(array, &vec![0.0; weights.numbers]);
        }
        let mut decays = vec![0u32; weights.numbers / 4];
        for (offset, param) in weights.offsets.iter().zip(graph.params.iter()) {
            decays[offset / 4..(offset + param.elements()).div_ceil(4)].fill(0x0101_0101);
        }
        bench.set_words(weights.decays, &decays);
        let lr = 0.01;
        let rates = [(lr / 0.1) as f32, 0.001f64.sqrt() as f32, (1.0 - lr * 0.05) as f32];
        bench.set_wide(layout.step, &rates);
        bench.play();

        let losses = layout.result(&plan, images, plan.graph.loss.unwrap(), 0).unwrap();
        let loss = bench.read_wide(losses, images).iter().sum::<f32>() / images as f32;
        close("loss", &[loss], &[expected.loss as f32], bound);
        if precision == Precision::Bf16 {
            continue;
        }
        let logits = layout.result(&plan, images, plan.graph.output, 0).unwrap();
        let logits = bench.read(logits, images * graph.classes());
        close("logits", &logits, &expected.logits, bound);
        let gradients = read(&mut bench, &weights, weights.gradients, &parameters);
        let slopes = gradients.iter().zip(&expected.gradients.0).zip(graph.params.iter());
        for ((found, expected), param) in slopes {
            let length = |x: &[f32]| x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
            // A gradient that nearly vanishes is compared on the scale of the others.
            let least = 1e-3 / length(expected).max(1e-12);
            close(&param.name, found, expected, bound * (10.0 + least));
        }
        // The update, from the gradients found.
        let mut host = AdamW::new(CONFIG, vec![true; parameters.0.len()], &parameters);
        let mut moved = parameters.clone();
        host.step(&mut moved, &Parameters(gradients), lr);
        let updated = read(&mut bench, &weights, weights.parameters, &parameters);
        close("updated", &updated.concat(), &moved.0.concat(), 1e-6);
    }
}

/// What drop path scales an image by.
fn factor(rate: f64, site: u64, image: u64, key: StepKey) -> f32 {
    let mut random = Random::new(key.seed, key.step, site << 32 | image, Site::DropPath);
    if random.uniform() < rate { 0.0 } else { (1.0 / (1.0 - rate)) as f32 }
}

#[test]
fn a_training_step_agrees() {
    step(&[], Precision::F32, 1e-5);
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
    let of = |sets: &[&'static str]| [&frame, sets].concat();
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
        [&of(&["mixer.regroup=mixed", "mixer.windows=2x2", "pool=conv"])[..], &raw].concat(),
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
    let plan = Plan::new(passes::evaluation(&graph, Keep::Output), Keep::Output);
    for machine in machines() {
        let mut bench = Bench::new(machine, Precision::F32);
        let (weights, layout) = place(&mut bench, &plan, images, None);
        fill(&mut bench, &layout, &weights, &parameters, &batch);
        bench.play();
        let logits = layout.result(&plan, images, plan.graph.output, 0).unwrap();
        close("logits", &bench.read(logits, images * graph.classes()), &expected, 1e-5);
    }
}
