//! The compiled executor against the reference: logits, loss and every gradient of whole models.

use super::ties::undecided;
use cluec::diag::Sources;
use cluec::exec::cpu::{Compiled, observe};
use cluec::exec::random::{Random, Site};
use cluec::exec::reference::{Reference, ReferenceTrainer};
use cluec::exec::{Batch, Evaluator, Optimizer, Other, Parameters, Step, StepKey, Trainer, init};
use cluec::graph::ops::{Average, CrossEntropy, Rule, Update};
use cluec::graph::{Graph, Precision};
use cluec::passes::Method;

pub const KEY: StepKey = StepKey { seed: 3, step: 7 };

/// The models of a file, changed by `sets`.
pub fn models(file: &str, sets: &[&str]) -> Vec<Graph> {
    let mut sources = Sources::default();
    let file = format!("{}/{file}", env!("CARGO_MANIFEST_DIR"));
    let sets: Vec<_> = sets.iter().map(|set| (*set).into()).collect();
    let (program, diags) = cluec::compile(&mut sources, &file, &sets);
    assert!(!diags.has_errors(), "{diags:?}");
    program.models.into_iter().map(|model| model.graph.unwrap()).collect()
}

/// Parameters away from their beginnings, so that every term matters.
pub fn parameters(graph: &Graph) -> Parameters {
    let mut parameters = init::initialize(graph, 5);
    for (index, values) in parameters.iter_mut().enumerate() {
        let mut random = Random::new(1, 0, index as u64, Site::Other);
        values.iter_mut().for_each(|value| *value += 0.05 * random.normal() as f32);
    }
    parameters
}

pub fn batch(graph: &Graph, images: usize, seed: u64) -> Batch {
    let [h, w] = graph.input_size();
    let mut random = Random::new(seed, 0, 0, Site::Other);
    let pixels = (0..images * h * w * 3).map(|_| random.normal() as f32).collect();
    let labels = (0..images).map(|i| (i * 7 % graph.classes()) as u32).collect();
    Batch { images: pixels, labels, ..Batch::default() }
}

fn trainer(graph: &Graph, parameters: &Parameters, threads: usize) -> Compiled {
    let optimizer = optimizer(Update::default(), parameters);
    Compiled::trainer(graph, parameters.clone(), optimizer, Method::default(), threads)
}

/// Before its first step; the first parameter does not decay.
fn optimizer(update: Update, parameters: &Parameters) -> Optimizer {
    let mut decays = vec![true; parameters.len()];
    decays[0] = false;
    Optimizer::new(update, decays, parameters)
}

fn close(what: &str, found: &[f32], expected: &[f32]) -> Result<(), String> {
    assert_eq!(found.len(), expected.len(), "{what}");
    let square = |x: f64| x * x;
    let norm: f64 = expected.iter().map(|&x| square(x.into())).sum();
    let pairs = found.iter().zip(expected);
    let error: f64 = pairs.map(|(&a, &b)| square(f64::from(a) - f64::from(b))).sum();
    let allowed = allowed(norm.sqrt());
    let off = || format!("{what}: off by {} of {}", error.sqrt(), norm.sqrt());
    (error.sqrt() <= allowed).then_some(()).ok_or_else(off)
}

/// How far two executors may be off each other, of numbers of a norm.
pub fn allowed(norm: f64) -> f64 {
    1e-4 * norm + 1e-6
}

/// Both executors of a model, at the same parameters.
pub struct Both<'a> {
    graph: &'a Graph,
    parameters: &'a Parameters,
    reference: Reference,
    compiled: Compiled,
    evaluator: Compiled,
}

impl<'a> Both<'a> {
    pub fn new(graph: &'a Graph, parameters: &'a Parameters) -> Both<'a> {
        Both {
            graph,
            parameters,
            reference: Reference::new(graph.clone(), 1).unwrap(),
            compiled: trainer(graph, parameters, 2),
            evaluator: Compiled::evaluator(graph, parameters.clone(), 2),
        }
    }

    /// Loss, logits and every gradient on a batch, and logits in evaluation; else what differs.
    pub fn agree(&mut self, batch: &Batch) -> Result<(), String> {
        self.numbers(batch).iter().try_for_each(Pair::agrees)
    }

    /// What both executors give on a batch: logits, loss and every gradient in training, then logits in
    /// evaluation.
    pub fn numbers(&mut self, batch: &Batch) -> Vec<Pair> {
        let expected = self.reference.gradients(self.parameters, batch, KEY).unwrap();
        let found = self.compiled.gradients(self.parameters, batch, KEY).unwrap();
        let pair = |what: &str, found, expected| Pair { what: what.to_string(), found, expected };
        let mut all = vec![
            pair("logits", found.logits, expected.logits),
            pair("loss", vec![found.loss as f32], vec![expected.loss as f32]),
        ];
        let gradients = found.gradients.iter().zip(expected.gradients.iter());
        for (param, (found, expected)) in self.graph.params.iter().zip(gradients) {
            all.push(pair(&param.name, found.to_vec(), expected.to_vec()));
        }
        let found = self.compiled.logits(&batch.images).unwrap();
        assert_eq!(self.evaluator.logits(&batch.images).unwrap(), found);
        let expected = self.reference.logits(self.parameters, &batch.images).unwrap();
        all.push(pair("evaluation", found, expected));
        all
    }
}

/// Numbers that the compiled executor gives, and those of the reference.
pub struct Pair {
    pub what: String,
    pub found: Vec<f32>,
    pub expected: Vec<f32>,
}

impl Pair {
    pub fn agrees(&self) -> Result<(), String> {
        close(&self.what, &self.found, &self.expected)
    }
}

/// Both executors on the same batches, but for those in which a pixel lies between two centers.
fn agrees(graph: &Graph) {
    let parameters = parameters(graph);
    let mut both = Both::new(graph, &parameters);
    let differs = |seed| {
        let batch = batch(graph, 3, seed);
        let error = both.agree(&batch).err()?;
        (!undecided(graph, &parameters, &batch, KEY)).then_some(error)
    };
    let failures: Vec<String> = (0..5).filter_map(differs).collect();
    assert!(failures.is_empty(), "{}: {failures:#?}", graph.name);
}

#[test]
fn models_of_every_shape_agree() {
    for graph in models("tests/verify/cluenet.clue", &["drop_path=0.3"]) {
        agrees(&graph);
    }
}

/// A small model whose every switch the cases below turn.
pub const SWITCHES: &str = "tests/exec/switches.clue";

#[test]
fn every_switch_agrees() {
    let cases: &[&[&str]] = &[
        &[],
        &["mixer.refine=dot"],
        &["mixer.refine=off", "mixer.fuse=off"],
        &["mixer.refine=off", "mixer.fuse=off", "mixer.query=centers"],
        &["mixer.fuse=fixed"],
        &["mixer.fuse=off"],
        &["mixer.query=joint"],
        &["mixer.query=pooled"],
        &["mixer.query=centers"],
        &["mixer.assign=soft"],
        &["mixer.assign=soft", "mixer.query=joint", "mixer.dispatch=private"],
        &["mixer.dispatch=private"],
        &["mixer.key=own"],
        &["mixer.refine=dot", "mixer.refine.steps=3"],
        &["mixer.query=refined"],
        &["mixer.regroup=weighted"],
        &["mixer.regroup=mean", "mixer.dispatch=private"],
        &["mixer.regroup=mixed", "mixer.query=refined"],
        &["mixer.regroup=weighted", "mixer.assign=soft"],
        &["mixer.windows=2x4", "mixer.grid=2x1"],
        &["mixer.windows=2x1", "mixer.assign=soft", "mixer.query=centers"],
        &["mixer.windows=3x2", "mixer.grid=2x2", "mixer.regroup=mixed", "mixer.query=joint"],
        // As memory lies.
        &["mixer.layout=raw", "mixer.fuse=off", "mixer.query=refined"],
        &[
            "mixer.layout=raw",
            "mixer.windows=2x4",
            "mixer.grid=2x2",
            "mixer.key=own",
            "mixer.refine=dot",
            "mixer.fuse=off",
            "mixer.query=refined",
            "mixer.regroup=mixed",
            "mixer.spare=on",
        ],
        &["mixer.refine=off", "mixer.fuse=off", "mixer.query=centers", "mixer.spare=on"],
        &["norm=group", "head.norm=group", "layer_scale=0.3"],
        // Bins that overlap, bins that repeat, one center.
        &["mixer.grid=5x4"],
        &["mixer.grid@2=5x6"],
        &["mixer.grid=1x1"],
        &["mixer.head_width=7", "mixer.heads=3 1"],
        &["ffn.depthwise=off"],
        &["ffn.depthwise=5x3"],
        &["ffn.ratio=1.5"],
        &["pool=conv"],
        &["pool.layers=1"],
        &["pool.layers=3", "pool.norm_out=layer"],
        &["pool=fec"],
        &["pool=fec", "pool.windows=2x4", "pool.similarity=shared"],
        &["pool.similarity=identity"],
        &["pool.similarity=own", "pool.layers=0", "pool.widen=before", "pool.norm=off"],
        &["embed.coords=off", "embed.position=off", "embed.norm=off"],
        &["mixer=off"],
        &["ffn=off"],
        &["head.norm=off", "drop_path=0"],
        &["input=10x14", "width=5 9"],
        // Maps so large that images take turns.
        &["input=64x72", "pool=conv"],
    ];
    for sets in cases {
        for graph in models(SWITCHES, sets) {
            println!("{sets:?}");
            agrees(&graph);
        }
    }
}

#[test]
fn threads_change_no_bit() {
    let [graph] = &models(SWITCHES, &[])[..] else { panic!("one model") };
    let (parameters, batch) = (parameters(graph), batch(graph, 11, 2));
    let run = |precision, threads: usize| {
        let (update, method) = (Update::default(), Method { precision, ..Method::default() });
        let optimizer = optimizer(update, &parameters);
        let mut compiled = Compiled::trainer(graph, parameters.clone(), optimizer, method, threads);
        let steps: Vec<Step> = (0..3)
            .map(|step| compiled.step(&batch, 1e-2, StepKey { seed: 1, step }).unwrap())
            .collect();
        let (parameters, optimizer) = compiled.state().unwrap();
        (steps, parameters.clone(), optimizer.clone())
    };
    for precision in [Precision::F32, Precision::Bf16] {
        assert_eq!(run(precision, 1), run(precision, 4));
        assert_eq!(run(precision, 3), run(precision, 3));
    }
}

/// Batches are cut into groups, and groups into turns, of unlike lengths: none of them wants more room
/// than its thread has.
#[test]
fn batches_of_any_size_run() {
    let [graph] = &models("models/cluenet_cifar.clue", &[])[..] else { panic!("one model") };
    let parameters = init::initialize(graph, 0);
    let mut compiled = trainer(graph, &parameters, 2);
    for images in [1, 5, 18, 22] {
        let batch = batch(graph, images, 1);
        assert!(compiled.step(&batch, 1e-4, KEY).unwrap().taken, "{images}");
        assert_eq!(compiled.logits(&batch.images).unwrap().len(), images * 100);
    }
}

/// The loss, clipping and the optimizer are part of the step: several steps end where the reference's
/// do.
#[test]
fn steps_end_where_the_references_end() {
    // Without a choice to make, rounding changes nothing large.
    let sets = ["drop_path=0", "mixer.assign=soft", "pool=conv"];
    let [graph] = &models(SWITCHES, &sets)[..] else { panic!("one model") };
    let sgd = |momentum, nesterov| Rule::Sgd { momentum, nesterov, weight_decay: 0.01 };
    let soft = CrossEntropy { smoothing: 0.1, mixed: true };
    for (rule, clip, loss) in [
        (Rule::default(), None, CrossEntropy::default()),
        (Rule::default(), Some(0.5), soft),
        (sgd(0.9, false), Some(0.5), CrossEntropy::default()),
        (sgd(0.9, true), None, soft),
        (sgd(0.0, false), None, soft),
    ] {
        let (parameters, mut batch) = (parameters(graph), batch(graph, 6, 2));
        if loss.mixed {
            let other = |i: u32| Other { label: (i + 1) % 5, share: 0.1 * i as f32 };
            batch.others = (0..6).map(other).collect();
        }
        let average = clip.map(|_| Average { decay: 0.7, warmup: true });
        let update = Update { rule, clip, average, scaling: None };
        let method = Method { loss, update, ..Method::default() };
        let optimizer = optimizer(update, &parameters);
        let reference = Reference::new(graph.clone(), 1).unwrap().minimizing(loss);
        let mut reference = ReferenceTrainer {
            reference,
            parameters: parameters.clone(),
            optimizer: optimizer.clone(),
        };
        let mut compiled = Compiled::trainer(graph, parameters, optimizer, method, 2);
        for step in 0..3 {
            let key = StepKey { seed: 1, step };
            let expected = reference.step(&batch, 1e-3, key).unwrap();
            let found = compiled.step(&batch, 1e-3, key).unwrap();
            close("loss", &[found.loss as f32], &[expected.loss as f32]).unwrap();
            close("logits", &found.logits, &expected.logits).unwrap();
        }
        // Measured at the running mean, if there is one.
        let found = compiled.logits(&batch.images).unwrap();
        close("evaluation", &found, &reference.logits(&batch.images).unwrap()).unwrap();
        let (expected, theirs) = reference.state().unwrap();
        let (found, ours) = compiled.state().unwrap();
        let mean = |of: &Optimizer| of.average.as_ref().map_or(Vec::new(), |mean| mean.concat());
        close("the running mean", &mean(ours), &mean(theirs)).unwrap();
        assert_eq!(ours.average.is_some(), average.is_some());
        for (param, (found, expected)) in graph.params.iter().zip(found.iter().zip(expected.iter()))
        {
            close(&param.name, found, expected).unwrap();
        }
    }
}

/// The mean of parameters: the first step's alone, then what the decay says, less of it at first if it
/// warms up.
#[test]
fn a_running_mean_is_what_is_measured() {
    let [graph] = &models(SWITCHES, &[])[..] else { panic!("one model") };
    let (parameters, batch) = (parameters(graph), batch(graph, 4, 2));
    for (warmup, left) in [(false, [0.0, 0.75, 0.75]), (true, [0.0, 1.0 - 0.25f64.cbrt(), 0.0])] {
        let average = Some(Average { decay: 0.75, warmup });
        let update = Update { average, ..Update::default() };
        let method = Method { update, ..Method::default() };
        let optimizer = optimizer(update, &parameters);
        let mut compiled = Compiled::trainer(graph, parameters.clone(), optimizer, method, 2);
        let mut mean = parameters.clone();
        // The third step of a warm-up leaves 1 - 3^(-2/3), or 52 %.
        let left = [left[0], left[1], if warmup { 1.0 - 3f64.powf(-2.0 / 3.0) } else { left[2] }];
        for (step, left) in left.into_iter().enumerate() {
            let key = StepKey { seed: 1, step: step as u64 };
            compiled.step(&batch, 1e-2, key).unwrap();
            let (now, _) = compiled.state().unwrap();
            for (mean, now) in mean.iter_mut().flatten().zip(now.iter().flatten()) {
                *mean = (left * f64::from(*mean) + (1.0 - left) * f64::from(*now)) as f32;
            }
            let found = compiled.state().unwrap().1.average.clone().unwrap();
            close("the mean", &found.concat(), &mean.concat()).unwrap();
            let mut evaluator = Compiled::evaluator(graph, found, 1);
            let expected = evaluator.logits(&batch.images).unwrap();
            assert_eq!(compiled.logits(&batch.images).unwrap(), expected);
        }
    }
}

#[test]
fn what_does_not_fit_is_an_error() {
    let [graph] = &models(SWITCHES, &[])[..] else { panic!("one model") };
    let parameters = parameters(graph);
    let mut compiled = trainer(graph, &parameters, 1);
    let fine = batch(graph, 2, 2);
    let mut check = |batch: Batch, message: &str| {
        let error = compiled.step(&batch, 1e-3, KEY).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    };
    check(Batch { labels: vec![0], ..fine.clone() }, "1 labels for 2 images");
    let wrong = Batch { labels: vec![0, 99], ..fine.clone() };
    check(wrong.clone(), "label 99 of 5 classes");
    assert!(observe(graph, &parameters, &wrong).is_err());
    check(Batch { images: vec![0.0; 7], labels: vec![0], ..Batch::default() }, "not whole images");
    // Of images that are mixed nothing was said.
    let others = vec![Other { label: 1, share: 0.5 }; 2];
    check(Batch { others, ..fine.clone() }, "2 second labels for 2 images");
    let images = vec![f32::NAN; fine.images.len()];
    check(Batch { images, ..fine.clone() }, "the loss is NaN");
    // Nothing was taken over from the step that failed.
    assert_eq!(compiled.state().unwrap().0, &parameters);
    let mut evaluator = Compiled::evaluator(graph, parameters, 1);
    assert!(evaluator.step(&fine, 1e-3, KEY).is_err());
}
