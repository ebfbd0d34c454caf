//! Context-Cluster, FEC and ClusterFormer against the published code's tensors.

use super::whole::executors;
use super::{fixtures, json};
use crate::text::{check_file, root};
use cluec::exec::published::read;
use cluec::exec::verify::{Sort, Tolerances, verify};
use cluec::exec::{Batch, Parameters};

#[test]
fn the_other_families_agree() {
    let Some(folder) = fixtures() else { return };
    let folder = folder.join("families");
    let manifest = json(folder.join("manifest.json"));
    let cases = manifest["cases"].as_object().unwrap();
    let text = check_file(&root().join("tests/verify/families.clue"));
    assert!(!text.diags.has_errors(), "{}", text.reports());
    for (name, case) in cases {
        let graph = text.model(name).graph.as_ref().unwrap();
        let file = folder.join(case["file"].as_str().unwrap());
        for (executor, observe) in executors() {
            let mut gradients = None;
            let seen = |weights: &Parameters, batch: &Batch| {
                let seen = observe(graph, weights, batch)?;
                gradients = seen.training.clone().map(|(_, gradients)| gradients);
                Ok(seen)
            };
            let report = verify(graph, &file, Tolerances::default(), seen).unwrap();
            for group in &report.groups {
                println!("{executor} {name} {group:?}");
            }
            let failed: Vec<_> = report.checks.iter().filter(|check| !check.pass).collect();
            assert!(failed.is_empty(), "{executor} {name}: {failed:#?}");
            assert!(report.pass(), "{executor} {name}: {:?}", report.unknown);
            assert_eq!(report.absent, [Sort::Step], "{name}");
            // Where the published code has no gradient there is none.
            let tensors = read(&file).unwrap();
            let none = case["params_grad_none"].as_array().unwrap();
            let mut without = 0;
            for (param, gradient) in graph.params.iter().zip(gradients.unwrap().iter()) {
                let absent = !tensors.contains_key(&format!("grad.{}", param.published));
                assert_eq!(absent, none.iter().any(|name| *name == param.published), "{name}");
                assert_eq!(
                    absent,
                    gradient.iter().all(|&g| g == 0.0),
                    "{executor} {name} {}",
                    param.name
                );
                without += usize::from(absent);
            }
            assert_eq!(without, none.len(), "{name}");
        }
    }
    assert_eq!(cases.len(), 6);
}
