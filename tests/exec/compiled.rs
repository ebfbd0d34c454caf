//! The compiled executor against the reference: logits, loss and every gradient of whole models.

use cluec::diag::Sources;
use cluec::exec::cpu::Compiled;
use cluec::exec::random::{Random, Site};
use cluec::exec::reference::Reference;
use cluec::exec::{AdamW, AdamWConfig, Batch, Evaluator, Parameters, StepKey, init};
use cluec::graph::Graph;

const KEY: StepKey = StepKey { seed: 3, step: 7 };
const ADAMW: AdamWConfig = AdamWConfig { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.05 };

/// The models of a file, changed by `sets`.
fn models(file: &str, sets: &[&str]) -> Vec<Graph> {
    let mut sources = Sources::default();
    let file = format!("{}/{file}", env!("CARGO_MANIFEST_DIR"));
    let sets: Vec<String> = sets.iter().map(|set| set.to_string()).collect();
    let (program, diags) = cluec::compile(&mut sources, &file, &sets);
    assert!(!diags.has_errors(), "{diags:?}");
    program.models.into_iter().map(|model| model.graph.unwrap()).collect()
}

/// Parameters away from their beginnings, so that every term matters.
fn parameters(graph: &Graph) -> Parameters {
    let mut parameters = init::initialize(graph, 5);
    for (index, values) in parameters.0.iter_mut().enumerate() {
        let mut random = Random::new(1, 0, index as u64, Site::Other);
        values.iter_mut().for_each(|value| *value += 0.05 * random.normal() as f32);
    }
    parameters
}

fn batch(graph: &Graph, images: usize) -> Batch {
    let [h, w] = graph.input_size();
    let mut random = Random::new(2, 0, 0, Site::Other);
    let pixels = (0..images * h * w * 3).map(|_| random.normal() as f32).collect();
    let labels = (0..images).map(|i| (i * 7 % graph.classes()) as u32).collect();
    Batch { images: pixels, labels }
}

fn trainer(graph: &Graph, parameters: &Parameters, threads: usize) -> Compiled {
    let decays = vec![true; parameters.0.len()];
    let optimizer = AdamW::new(ADAMW, decays, parameters);
    Compiled::trainer(graph, parameters.clone(), optimizer, None, threads)
}

fn close(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let square = |x: f64| x * x;
    let norm: f64 = expected.iter().map(|&x| square(x.into())).sum();
    let pairs = found.iter().zip(expected);
    let error: f64 = pairs.map(|(&a, &b)| square(f64::from(a) - f64::from(b))).sum();
    let allowed = 1e-4 * norm.sqrt() + 1e-6;
    assert!(error.sqrt() <= allowed, "{what}: off by {} of {}", error.sqrt(), norm.sqrt());
}

/// Both executors on one batch.
fn agrees(graph: &Graph) {
    let parameters = parameters(graph);
    let batch = batch(graph, 5);
    let reference = Reference::new(graph.clone(), 1).unwrap();
    let expected = reference.gradients(&parameters, &batch, KEY).unwrap();
    let mut compiled = trainer(graph, &parameters, 2);
    let found = compiled.gradients(&parameters, &batch, KEY).unwrap();
    close(&format!("{} logits", graph.name), &found.logits, &expected.logits);
    close("loss", &[found.loss as f32], &[expected.loss as f32]);
    let gradients = found.gradients.0.iter().zip(&expected.gradients.0);
    for (param, (found, expected)) in graph.params.iter().zip(gradients) {
        close(&format!("{} {}", graph.name, param.name), found, expected);
    }
    let expected = reference.logits(&parameters, &batch.images).unwrap();
    close("evaluation", &compiled.logits(&batch.images).unwrap(), &expected);
    let mut evaluator = Compiled::evaluator(graph, parameters, 2);
    assert_eq!(evaluator.logits(&batch.images).unwrap(), compiled.logits(&batch.images).unwrap());
}

#[test]
fn models_of_every_shape_agree() {
    for graph in models("tests/verify/cluenet.clue", &["drop_path=0.3"]) {
        agrees(&graph);
    }
}
