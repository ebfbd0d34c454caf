//! Optimizers, losses and schedules against numbers that PyTorch computed (`torch/record.py`).

use cluec::exec::cpu::kernels::loss::cross_entropy;
use cluec::exec::{Optimizer, Other, Parameters};
use cluec::graph::ops::{Rule, Update};
use cluec::train::{Curve, Schedule};
use serde_json::Value;

fn recorded(what: &str) -> Value {
    let text = include_str!("torch/recorded.json");
    serde_json::from_str::<Value>(text).unwrap()[what].clone()
}

fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
}

/// Whether numbers agree to their last bits: two roundings of the largest.
fn bits(what: &str, found: &[f32], expected: &[f32]) {
    let largest = expected.iter().fold(0f32, |largest, x| largest.max(x.abs()));
    for (found, expected) in found.iter().zip(expected) {
        let error = (found - expected).abs();
        assert!(error <= 2.0 * f32::EPSILON * largest, "{what}: {found} for {expected}");
    }
}

fn descends(name: &str, rule: impl Fn(&Value) -> Rule) {
    for case in recorded(name).as_array().unwrap() {
        let mut parameters = Parameters::from_iter([floats(&case["begin"])]);
        let update = Update { rule: rule(&case["settings"]), ..Update::default() };
        let mut optimizer = Optimizer::new(update, vec![true], &parameters);
        for step in case["steps"].as_array().unwrap() {
            let mut gradients = Parameters::from_iter([floats(&step["gradient"])]);
            optimizer.step(&mut parameters, &mut gradients, step["lr"].as_f64().unwrap());
            let what = format!("{name} {}", case["settings"]);
            bits(&what, &parameters[0], &floats(&step["parameter"]));
        }
    }
}

#[test]
fn sgd_moves_as_pytorchs_does() {
    let number = |settings: &Value, key: &str| settings[key].as_f64().unwrap_or(0.0);
    descends("sgd", |settings| Rule::Sgd {
        momentum: number(settings, "momentum"),
        nesterov: settings["nesterov"] == true,
        weight_decay: number(settings, "weight_decay"),
    });
}

#[test]
fn adamw_moves_as_pytorchs_does() {
    descends("adamw", |_| Rule::AdamW { beta1: 0.9, beta2: 0.98, eps: 1e-6, weight_decay: 0.05 });
}

#[test]
fn soft_targets_are_compared_as_pytorch_does() {
    for case in recorded("losses").as_array().unwrap() {
        let label = |of: &str, i: usize| case[of][i].as_u64().unwrap() as u32;
        let (logits, shares) = (floats(&case["logits"]), floats(&case["shares"]));
        let smoothing = case["smoothing"].as_f64().unwrap() as f32;
        let mut gradient = vec![0.0; logits.len()];
        let mut loss = 0.0;
        let rows = logits.chunks(6).zip(gradient.chunks_mut(6)).enumerate();
        for (i, (logits, gradient)) in rows {
            let target =
                (label("labels", i), Other { label: label("others", i), share: shares[i] });
            loss += cross_entropy(logits, target, smoothing, 0.25, gradient) / 4.0;
        }
        bits("the loss", &[loss], &[case["loss"].as_f64().unwrap() as f32]);
        bits("its gradient", &gradient, &floats(&case["gradient"]));
    }
}

#[test]
fn curves_are_pytorchs() {
    let curves = recorded("curves");
    let check = |name: &str, curve: Curve, per_epoch: u64| {
        let schedule = Schedule { lr: 0.5, curve, warmup: 0.0, from: 0.0, per_epoch: false };
        for (step, expected) in (0..).zip(curves[name].as_array().unwrap()) {
            let found = schedule.lr(step / per_epoch, step % per_epoch, per_epoch, 12);
            let expected = expected.as_f64().unwrap();
            let error = (found - expected).abs() / expected;
            assert!(error < 1e-12, "{name}, step {step}: {found} for {expected}");
        }
    };
    check("steps", Curve::Steps { at: vec![3.0, 7.0, 8.0], factor: 0.2 }, 1);
    check("linear", Curve::Linear { to: 0.05 }, 1);
    check("poly", Curve::Poly { to: 0.0, power: 1.7 }, 1);
    check("exponential", Curve::Exponential { factor: 0.83 }, 1);
    check("cosine", Curve::Cosine { to: 0.01 }, 1);
    check("one_cycle", Curve::OneCycle { rise: 0.3, from: 0.04, to: 4e-6 }, 5);
}
