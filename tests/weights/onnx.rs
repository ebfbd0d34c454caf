//! What is exported as ONNX gives the same logits in onnxruntime, and its checker takes it.

use super::python;
use crate::text::root;
use cluec::diag::Sources;
use cluec::exec::Parameters;
use cluec::exec::init::initialize;
use cluec::exec::random::{Random, Site};
use cluec::exec::reference::Reference;
use cluec::graph::Graph;
use cluec::weights::onnx::export;
use std::collections::BTreeMap;
use std::path::Path;

/// Variants of the small model: every op, and every way an op is written.
const VARIANTS: [(&str, &[&str]); 10] = [
    ("small", &[]),
    ("soft", &["mixer.assign=soft"]),
    ("dot", &["mixer.refine=dot", "mixer.fuse=fixed"]),
    ("plain", &["mixer.refine=off", "mixer.fuse=off", "mixer.query=centers"]),
    ("joint", &["mixer.query=joint", "ffn.depthwise=off"]),
    ("conv", &["pool=conv", "embed.position=off", "embed.coords=off", "embed.norm=off"]),
    // Bins that overlap, and repeat: centers tie.
    ("bins", &["mixer.grid=3x5"]),
    ("ties", &["mixer.grid=9x9", "mixer.dispatch=private"]),
    ("wide", &["input=16x24", "ffn.depthwise=5x3"]),
    ("bare", &["ffn.depthwise=off", "mixer=off"]),
];

/// No parameter stands where it begins: each matters.
fn parameters(graph: &Graph) -> Parameters {
    let mut parameters = initialize(graph, 3);
    for (p, values) in parameters.0.iter_mut().enumerate() {
        for (i, value) in values.iter_mut().enumerate() {
            *value += 0.1 * ((p * 7919 + i) as f32).sin();
        }
    }
    parameters
}

fn images(graph: &Graph) -> Vec<f32> {
    let [h, w] = graph.input_size();
    let mut random = Random::named(5, "images", Site::Other);
    (0..IMAGES * h * w * 3).map(|_| random.normal() as f32).collect()
}

/// Writes a model and the images to run it on, gives our own logits.
fn write(folder: &Path, name: &str, graph: &Graph) -> (String, Vec<f32>) {
    let (parameters, images) = (parameters(graph), images(graph));
    let about = BTreeMap::from([("model".to_string(), name.to_string())]);
    std::fs::write(
        folder.join(format!("{name}.onnx")),
        export(graph, &parameters, &about).unwrap(),
    )
    .unwrap();
    let bytes: Vec<u8> = images.iter().flat_map(|x| x.to_le_bytes()).collect();
    std::fs::write(folder.join(format!("{name}.images")), bytes).unwrap();
    let ours = Reference::new(graph.clone(), 1).unwrap().logits(&parameters, &images).unwrap();
    (name.to_string(), ours)
}

/// Of every model, in one batch.
const IMAGES: usize = 3;

/// Runs them all and compares. (Images of noise: in regular ones a pixel can be as near to one center
/// as to another, and which it chooses is then rounding's.)
fn agree(folder: &Path, ours: &[(String, Vec<f32>)]) {
    let mut wrong = Vec::new();
    let Some(mut python) = python("onnx, onnxruntime, numpy") else { return };
    let output = python.arg(root().join("tests/weights/run_onnx.py")).arg(folder).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    println!("{said}");
    for (name, ours) in ours {
        let bytes = std::fs::read(folder.join(format!("{name}.logits"))).unwrap();
        let theirs: Vec<f32> = bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        assert_eq!(ours.len(), theirs.len(), "{name}");
        let largest = |of: &mut dyn Iterator<Item = f32>| of.fold(0f32, |a, b| a.max(b.abs()));
        let scale = largest(&mut ours.iter().copied()).max(1.0);
        let classes = ours.len() / IMAGES;
        let images = ours.chunks(classes).zip(theirs.chunks(classes));
        let errors: Vec<f32> = images
            .map(|(a, b)| largest(&mut a.iter().zip(b).map(|(a, b)| a - b)) / scale)
            .collect();
        println!("{name}: {errors:?}");
        wrong.extend(
            errors.iter().any(|error| *error > 1e-5).then(|| format!("{name}: {errors:?}")),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_way_of_writing_an_op_agrees() {
    let text = std::fs::read_to_string(root().join("tests/weights/small.clue")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ours: Vec<_> = VARIANTS
        .iter()
        .map(|(name, sets)| {
            write(folder.path(), name, &crate::train::model(&text, sets).graph.unwrap())
        })
        .collect();
    agree(folder.path(), &ours);
}

/// With two blocks a stage, which are all that differ, and smaller photographs; whole with
/// `CLUEC_WHOLE` set.
#[test]
fn every_published_model_agrees() {
    let whole = std::env::var_os("CLUEC_WHOLE").is_some();
    let folder = tempfile::tempdir().unwrap();
    let mut ours = Vec::new();
    let models = std::fs::read_dir(root().join("models")).unwrap();
    let mut files: Vec<_> = models.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let lowered = |file: &Path, sets: &[&str]| {
        let sets: Vec<String> = sets.iter().map(|set| set.to_string()).collect();
        let file = file.to_str().unwrap();
        let (program, _) = cluec::compile(&mut Sources::default(), file, &sets);
        program.models.into_iter().map(|model| (model.name, model.graph.unwrap()))
    };
    for file in files {
        for (name, graph) in lowered(&file, if whole { &[] } else { &["blocks=2"] }) {
            let large = !whole && graph.input_size() == [224, 224];
            let mut small = lowered(&file, &["blocks=2", "input=128x128"]);
            let (_, graph) = if large {
                small.find(|(n, _)| *n == name).unwrap()
            } else {
                (name.clone(), graph)
            };
            ours.push(write(folder.path(), &name, &graph));
        }
    }
    assert!(ours.len() >= 5);
    agree(folder.path(), &ours);
}
