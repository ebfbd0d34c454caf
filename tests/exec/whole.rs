//! Whole models against the published code's tensors.

use super::model::cluenet;
use super::{fixtures, json};
use cluec::exec::observe::{Observation, Seen};
use cluec::exec::published::{Plain, Plains, read};
use cluec::exec::verify::{Report, Sort, Tolerances, VerifyError, verify};
use cluec::exec::{Batch, ExecError, Parameters, cpu, reference};
use cluec::graph::Graph;
use std::path::Path;

pub type Observe = fn(&Graph, &Parameters, &Batch) -> Result<Observation, ExecError>;

/// All there are.
pub fn executors() -> Vec<(&'static str, Observe)> {
    let mut all: Vec<(&str, Observe)> =
        vec![("compiled", cpu::observe), ("reference", reference::observe)];
    #[cfg(feature = "cuda")]
    if crate::cuda::device().is_some() {
        all.push(("cuda", |graph, parameters, batch| {
            let device = crate::cuda::device().ok_or_else(|| ExecError("no GPU".into()))?;
            cluec::exec::cuda::observe::observe(&device, graph, parameters, batch)
        }));
    }
    all
}

#[test]
fn whole_models_agree() {
    let Some(folder) = fixtures() else { return };
    let folder = folder.join("cluenet");
    let manifest = json(folder.join("manifest.json"));
    let cases = manifest["cases"].as_object().unwrap();
    for (name, case) in cases {
        let number = |key: &str| case[key].as_u64().unwrap() as usize;
        let graph = cluenet(&case["config"], [number("H"), number("W")], number("num_classes"));
        assert_eq!(graph.param_count(), case["params"].as_u64().unwrap(), "{name}");
        let file = folder.join(case["file"].as_str().unwrap());
        for (executor, observe) in executors() {
            let seen = |weights: &Parameters, batch: &Batch| observe(&graph, weights, batch);
            let report = verify(&graph, &file, Tolerances::default(), seen).unwrap();
            for group in &report.groups {
                println!("{executor} {name} {group:?}");
            }
            let failed: Vec<_> = report.checks.iter().filter(|check| !check.pass).collect();
            assert!(failed.is_empty(), "{executor} {name}: {failed:#?}");
            assert!(report.pass() && report.absent.is_empty(), "{name}: {:?}", report.unknown);
        }
    }
    assert_eq!(cases.len(), 7);
}

#[test]
fn a_malformed_file_is_an_error() {
    let Some(folder) = fixtures() else { return };
    let folder = folder.join("cluenet");
    let manifest = json(folder.join("manifest.json"));
    let case = &manifest["cases"]["nano"];
    let graph = cluenet(&case["config"], [32, 32], 10);
    let bytes = std::fs::read(folder.join("nano.safetensors")).unwrap();
    let cut = tempfile::tempdir().unwrap();
    let cut = cut.path().join("cut.safetensors");
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let verify = |graph: &Graph, file: &Path| {
        let seen = |weights: &Parameters, batch: &Batch| cpu::observe(graph, weights, batch);
        verify(graph, file, Tolerances::default(), seen)
    };
    let error = verify(&graph, &cut).unwrap_err();
    assert!(matches!(error, VerifyError::File(_)), "{error}");
    let other = cluenet(&case["config"], [32, 32], 11);
    let file = folder.join("nano.safetensors");
    let error = verify(&other, &file).unwrap_err();
    assert!(error.to_string().contains("`head.weight` has shape [10, 32]"), "{error}");
}

/// What an executor leaves out is not taken for agreement.
#[test]
fn an_assignment_cut_short_differs() {
    let Some(folder) = fixtures() else { return };
    let folder = folder.join("cluenet");
    let manifest = json(folder.join("manifest.json"));
    let graph = cluenet(&manifest["cases"]["nano"]["config"], [32, 32], 10);
    let cut = |weights: &Parameters, batch: &Batch| {
        let mut seen = cpu::observe(&graph, weights, batch)?;
        for (_, seen) in &mut seen.taps {
            if let Seen::Index { index, .. } = seen {
                index.pop();
            }
        }
        Ok(seen)
    };
    let file = folder.join("nano.safetensors");
    let report = verify(&graph, &file, Tolerances::default(), cut).unwrap();
    let group = report.groups.iter().find(|group| group.group == Sort::Assign).unwrap();
    assert_eq!((group.count, group.failed), (8, 8));
}

/// The tensors of `nano`, changed, against the model they are of.
fn changed(change: impl FnOnce(&mut Plains)) -> Option<Result<Report, VerifyError>> {
    let folder = fixtures()?.join("cluenet");
    let manifest = json(folder.join("manifest.json"));
    let graph = cluenet(&manifest["cases"]["nano"]["config"], [32, 32], 10);
    let mut tensors = read(&folder.join("nano.safetensors")).unwrap();
    change(&mut tensors);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), safetensors(&tensors)).unwrap();
    let seen = |weights: &Parameters, batch: &Batch| cpu::observe(&graph, weights, batch);
    Some(verify(&graph, file.path(), Tolerances::default(), seen))
}

fn safetensors(tensors: &Plains) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, Plain { shape, data: numbers }) in tensors {
        let begin = data.len();
        data.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
        let about = serde_json::json!({
            "dtype": "F32", "shape": shape, "data_offsets": [begin, data.len()],
        });
        header.insert(name.clone(), about);
    }
    let header = serde_json::Value::Object(header).to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
}

/// Why tensors were not compared.
fn strays(report: &Report) -> Vec<(&str, &str)> {
    report.unknown.iter().map(|stray| (&*stray.name, &*stray.why)).collect()
}

#[test]
fn a_tensor_whose_name_means_nothing_is_told_with_the_nearest_one() {
    let report = changed(|tensors| {
        let scalar = Plain { shape: vec![1], data: vec![0.0] };
        for name in ["grads.head.bias", "logits", "unlike anything"] {
            tensors.insert(name.into(), scalar.clone());
        }
    });
    let Some(report) = report.map(Result::unwrap) else { return };
    assert!(!report.pass());
    assert!(report.checks.iter().all(|check| check.pass));
    let nothing = "nothing of this name in the model";
    let near = |name: &str| format!("{nothing}; did you mean `{name}`?");
    let expected = [
        ("grads.head.bias", &*near("grad.head.bias")),
        ("logits", &*near("out.logits")),
        ("unlike anything", nothing),
    ];
    assert_eq!(strays(&report), expected);
}

#[test]
fn a_tensor_that_can_not_be_compared_says_what_is_missing() {
    let report = changed(|tensors| {
        let kept = ["in.x", "out.logits", "out.loss", "step.head.bias"];
        tensors.retain(|name, _| name.starts_with("w.") || kept.contains(&&**name));
    });
    let Some(report) = report.map(Result::unwrap) else { return };
    let expected = [
        ("out.loss", "not compared without `in.labels`"),
        ("step.head.bias", "not compared without `grad.head.bias`"),
    ];
    assert_eq!(strays(&report), expected);
}

#[test]
fn a_tensor_of_another_shape_shows_both() {
    let report = changed(|tensors| {
        let logits = Plain { shape: vec![2, 11], data: vec![0.0; 22] };
        tensors.insert("out.logits".into(), logits);
    });
    let Some(report) = report.map(Result::unwrap) else { return };
    let check = report.checks.iter().find(|check| check.group == Sort::Logits).unwrap();
    assert!(!check.pass);
    assert_eq!(check.shapes, Some([vec![2, 10], vec![2, 11]]));
}

#[test]
fn a_file_without_outputs_has_nothing_to_compare() {
    let error = changed(|tensors| {
        tensors.retain(|name, _| name.starts_with("w.") || name.starts_with("in."));
    });
    let Some(error) = error.map(Result::unwrap_err) else { return };
    assert!(error.to_string().starts_with("there is nothing to compare"), "{error}");
}

#[test]
fn weights_without_their_prefix_are_told_it() {
    let error = changed(|tensors| {
        let bare = |(name, tensor): (String, Plain)| {
            (name.strip_prefix("w.").unwrap_or(&name).to_string(), tensor)
        };
        *tensors = std::mem::take(tensors).into_iter().map(bare).collect();
    });
    let Some(error) = error.map(Result::unwrap_err) else { return };
    let error = error.to_string();
    assert!(error.starts_with("names of weights begin with `w.`: `w."), "{error}");
    let error = changed(|tensors| tensors.retain(|name, _| !name.starts_with("w.")));
    let error = error.unwrap().unwrap_err().to_string();
    assert!(error.starts_with("it has no weights; their names begin with `w.`"), "{error}");
}
