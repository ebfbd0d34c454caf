//! Whole models against the published code's tensors.

use super::model::cluenet;
use super::{fixtures, json};
use cluec::exec::observe::{Observation, Seen};
use cluec::exec::verify::{Sort, Tolerances, VerifyError, verify};
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
