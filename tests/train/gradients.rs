//! Every parameter of every model in `models/` gets a gradient.

use cluec::diag::Sources;
use cluec::exec::init::initialize;
use cluec::exec::random::{Random, Site};
use cluec::exec::reference::Reference;
use cluec::exec::{Batch, StepKey};
use std::path::Path;

fn check(file: &Path) {
    // Small maps, on which the last stage still has more than one pixel; no branch left out.
    let mut sets = vec!["drop_path=0".to_string()];
    if !file.to_string_lossy().contains("cifar") {
        sets.push("input=64x64".into());
    }
    let file = file.to_string_lossy();
    let (program, diags) = cluec::compile(&mut Sources::default(), &file, &sets);
    assert!(!diags.has_errors(), "{file}: {diags:?}");
    for model in program.models {
        let graph = model.graph.unwrap();
        let [h, w] = graph.input_size();
        let mut random = Random::named(1, "images", Site::Other);
        let images = (0..2 * h * w * 3).map(|_| random.normal() as f32).collect();
        let batch = Batch { images, labels: vec![3, 70] };
        let parameters = initialize(&graph, 1);
        let key = StepKey { seed: 1, step: 0 };
        let executor = Reference::new(graph.clone(), 2).unwrap();
        let result = executor.gradients(&parameters, &batch, key).unwrap();
        for (param, gradient) in graph.params.iter().zip(&result.gradients.0) {
            let finite = gradient.iter().all(|g| g.is_finite());
            let moved = gradient.iter().any(|&g| g != 0.0);
            assert!(finite && moved, "{file}: {} gets no gradient", param.name);
        }
    }
}

#[test]
fn every_parameter_of_every_model_gets_a_gradient() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 6, "{files:?}");
    files.iter().for_each(|file| check(file));
}
