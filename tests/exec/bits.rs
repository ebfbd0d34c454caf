//! Threads change no bit, and initialization has its moments.

use super::model::cluenet;
use cluec::exec::init::initialize;
use cluec::exec::random::{Random, Site};
use cluec::exec::reference::Reference;
use cluec::exec::{Batch, StepKey};
use cluec::graph::{Graph, Init, Size};
use serde_json::{Value, json};

fn nano() -> Value {
    json!({
        "layers": [1, 2, 1, 1], "embed_dims": [8, 16, 24, 32], "heads": [1, 2, 2, 4],
        "head_dim": [8, 8, 8, 8], "mlp_ratios": [8, 8, 4, 4], "downsamples": [true, true, true, true],
        "cluster_h": [4, 4, 4, 4], "cluster_w": [4, 4, 4, 4], "in_patch_size": 3, "in_stride": 1,
        "in_pad": 1, "pool_norm2": true, "drop_path_rate": 0.3, "min_alpha": 1e-4
    })
}

fn cifar() -> Value {
    let mut config = nano();
    config["layers"] = json!([2, 2, 2, 2]);
    config["embed_dims"] = json!([32, 64, 160, 256]);
    config["heads"] = json!([1, 2, 5, 8]);
    config["head_dim"] = json!([32, 32, 32, 32]);
    config["drop_path_rate"] = json!(0.1);
    config
}

fn batch(images: usize, [h, w]: Size, classes: usize) -> Batch {
    let mut random = Random::named(1, "batch", Site::Other);
    Batch {
        images: (0..images * h * w * 3).map(|_| random.normal() as f32).collect(),
        labels: (0..images).map(|_| random.below(classes as u64) as u32).collect(),
        ..Batch::default()
    }
}

#[test]
fn threads_change_no_bit() {
    let graph = cluenet(&nano(), [16, 16], 10);
    let (parameters, batch) = (initialize(&graph, 3), batch(19, [16, 16], 10));
    let key = StepKey { seed: 5, step: 2 };
    let run = |threads: usize| {
        let executor = Reference::new(graph.clone(), threads).unwrap();
        let gradients = executor.gradients(&parameters, &batch, key).unwrap();
        (gradients, executor.logits(&parameters, &batch.images).unwrap())
    };
    let (one, one_logits) = run(1);
    let (two, two_logits) = run(2);
    assert_eq!(one.loss.to_bits(), two.loss.to_bits());
    assert_eq!(one.logits, two.logits);
    assert_eq!(one.gradients, two.gradients);
    assert_eq!(one_logits, two_logits);
    assert_eq!(one_logits.len(), 190);
    // Drop path acts in training alone.
    assert_ne!(one.logits, one_logits);
}

#[test]
fn wrong_sizes_are_errors() {
    let graph = cluenet(&nano(), [16, 16], 10);
    let (parameters, mut data) = (initialize(&graph, 3), batch(2, [16, 16], 10));
    let executor = Reference::new(graph, 1).unwrap();
    let key = StepKey { seed: 5, step: 2 };
    data.labels[1] = 10;
    assert!(executor.gradients(&parameters, &data, key).is_err());
    data.labels.pop();
    assert!(executor.gradients(&parameters, &data, key).is_err());
    assert!(executor.logits(&parameters, &data.images[1..]).is_err());
    let shorter = parameters.iter().map(|values| &values[1..]).collect();
    assert!(executor.logits(&shorter, &data.images).is_err());
}

#[test]
fn initialization_has_its_moments() {
    let graph: Graph = cluenet(&cifar(), [32, 32], 100);
    assert_eq!(graph.param_count(), 3_016_788);
    let parameters = initialize(&graph, 0);
    for (param, data) in graph.params.iter().zip(parameters.iter()) {
        let n = data.len() as f64;
        let mean = data.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
        let std = (data.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n).sqrt();
        let expected = match param.init {
            Init::Constant(value) => {
                assert!(data.iter().all(|&x| x == value as f32), "{}", param.name);
                continue;
            }
            Init::Normal { std } | Init::TruncatedNormal { std } => std,
            Init::Uniform { bound } => {
                assert!(data.iter().all(|&x| f64::from(x).abs() <= bound), "{}", param.name);
                bound / 3f64.sqrt()
            }
        };
        assert!(mean.abs() < 5.0 * expected / n.sqrt(), "{}: mean {mean}", param.name);
        assert!((std / expected - 1.0).abs() < 5.0 / n.sqrt(), "{}: {std}", param.name);
    }
    // A parameter's numbers depend on no other parameter.
    let other = cluenet(&cifar(), [32, 32], 10);
    assert_eq!(initialize(&other, 0)[0], parameters[0]);
    assert_ne!(initialize(&other, 1)[0], parameters[0]);
}
