//! What is exported as ONNX gives the same logits in onnxruntime, and its checker takes it.
//!
//! Two programs round differently, and where two centers are as near to a pixel as rounding tells, each
//! may choose another one, rightly: the logits then differ by far more than rounding. So every model is
//! run twice: as it is, and with every choice that cluec made put in the place of its own. Given the
//! same choices the logits agree always, none of the choices is worse than the best by more than
//! rounding, and the model as it is differs only where it chose otherwise.

use super::python;
use crate::text::root;
use cluec::diag::Sources;
use cluec::exec::init::initialize;
use cluec::exec::observe::{Observation, Seen};
use cluec::exec::random::{Random, Site};
use cluec::exec::reference::observe;
use cluec::exec::{Batch, Parameters};
use cluec::graph::{Choice, Graph, Type, Value};
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

/// Of every model, in one batch.
const IMAGES: usize = 3;

/// How far logits of the same choices may be, in parts of the largest.
const LOGITS: f32 = 1e-5;

/// How much better than the chosen center another may be. (Scores lie between -1 and 1, and what is
/// compared went through all layers before.)
const SCORES: f64 = 2e-6;

/// No parameter stands where it begins: each matters.
fn parameters(graph: &Graph) -> Parameters {
    let mut parameters = initialize(graph, 3);
    for (p, values) in parameters.iter_mut().enumerate() {
        for (i, value) in values.iter_mut().enumerate() {
            *value += 0.1 * ((p * 7919 + i) as f32).sin();
        }
    }
    parameters
}

/// Noise: in regular images many pixels are as near to one center as to another.
fn images(graph: &Graph) -> Vec<f32> {
    let [h, w] = graph.input_size();
    let mut random = Random::named(5, "images", Site::Other);
    (0..IMAGES * h * w * 3).map(|_| random.normal() as f32).collect()
}

/// What cluec makes of the images.
struct Ours {
    name: String,
    logits: Vec<f32>,
    choices: Vec<u32>,
}

/// Writes a model and the images to run it on, and runs it ourselves.
fn write(folder: &Path, name: &str, graph: &Graph) -> Ours {
    let (parameters, images) = (parameters(graph), images(graph));
    let about = BTreeMap::from([("model".to_string(), name.to_string())]);
    let model = export(graph, &parameters, &about).unwrap();
    std::fs::write(folder.join(format!("{name}.onnx")), model).unwrap();
    let bytes: Vec<u8> = images.iter().flat_map(|x| x.to_le_bytes()).collect();
    std::fs::write(folder.join(format!("{name}.images")), bytes).unwrap();
    let seen = observe(graph, &parameters, &Batch { images, ..Batch::default() }).unwrap();
    let choices = choices(graph, &seen);
    Ours { name: name.to_string(), logits: seen.logits, choices }
}

/// Every choice of a center, `[B, heads, N]` of one op after another.
fn choices(graph: &Graph, seen: &Observation) -> Vec<u32> {
    assert_eq!(graph.taps.len(), seen.taps.len());
    let mut by_op: BTreeMap<Value, &[u32]> = BTreeMap::new();
    for (tap, (_, seen)) in graph.taps.iter().zip(&seen.taps) {
        let soft =
            matches!(graph.node(tap.value).ty, Type::Assignment { choice: Choice::Soft, .. });
        if let (Seen::Index { index, .. }, false) = (seen, soft) {
            by_op.insert(tap.value, index);
        }
    }
    by_op.values().copied().flatten().copied().collect()
}

/// Runs them all in onnxruntime and tells what disagrees; nothing without Python.
fn complaints(folder: &Path, ours: &[Ours]) -> Option<Vec<String>> {
    let mut python = python("onnx, onnxruntime, numpy")?;
    for ours in ours {
        let bytes: Vec<u8> = ours.choices.iter().flat_map(|x| x.to_le_bytes()).collect();
        std::fs::write(folder.join(format!("{}.choices", ours.name)), bytes).unwrap();
    }
    let output = python.arg(root().join("tests/weights/run_onnx.py")).arg(folder).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    println!("{said}");
    Some(ours.iter().flat_map(|ours| compare(folder, ours)).collect())
}

fn compare(folder: &Path, ours: &Ours) -> Vec<String> {
    let Ours { name, logits, .. } = ours;
    let read = |what: &str| std::fs::read(folder.join(format!("{name}.{what}"))).unwrap();
    let largest = |of: &mut dyn Iterator<Item = f32>| of.fold(0f32, |a, b| a.max(b.abs()));
    let scale = largest(&mut logits.iter().copied()).max(1.0);
    let classes = logits.len() / IMAGES;
    let errors = |what: &str| -> Vec<f32> {
        let bytes = read(what);
        let theirs: Vec<f32> = bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        assert_eq!(logits.len(), theirs.len(), "{name}");
        let images = logits.chunks(classes).zip(theirs.chunks(classes));
        images.map(|(a, b)| largest(&mut a.iter().zip(b).map(|(a, b)| a - b)) / scale).collect()
    };
    let (as_it_is, forced) = (errors("logits"), errors("forced"));
    let report: Vec<BTreeMap<String, f64>> = serde_json::from_slice(&read("json")).unwrap();
    let mut wrong = Vec::new();
    for (i, ((free, forced), report)) in as_it_is.iter().zip(&forced).zip(&report).enumerate() {
        let (others, short) = (report["others"], report["short"]);
        let told = format!(
            "{name}, image {i}: logits {free:.1e} apart, {forced:.1e} with the same choices; \
             {others} other choices, better by {short:.1e}"
        );
        println!("{told}");
        let same = *forced <= LOGITS && short <= SCORES && (*free <= LOGITS || others > 0.0);
        wrong.extend((!same).then_some(told));
    }
    wrong
}

fn variants(folder: &Path) -> Vec<Ours> {
    let text = std::fs::read_to_string(root().join("tests/weights/small.clue")).unwrap();
    let graph = |sets| crate::train::model(&text, sets).graph.unwrap();
    VARIANTS.iter().map(|(name, sets)| write(folder, name, &graph(sets))).collect()
}

#[test]
fn every_way_of_writing_an_op_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let Some(wrong) = complaints(folder.path(), &variants(folder.path())) else { return };
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// One pixel of the first image that chooses the center after its own, or logits that are a little
/// off: each is told.
#[test]
fn a_wrong_choice_and_a_wrong_logit_are_seen() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(root().join("tests/weights/small.clue")).unwrap();
    let graph = crate::train::model(&text, &[]).graph.unwrap();
    let mut chosen = write(folder.path(), "chosen", &graph);
    chosen.choices[0] = (chosen.choices[0] + 1) % 4;
    let mut moved = write(folder.path(), "moved", &graph);
    moved.logits[0] += 1e-3;
    let Some(wrong) = complaints(folder.path(), &[chosen, moved]) else { return };
    let told: Vec<&str> = wrong.iter().filter_map(|told| told.split(':').next()).collect();
    assert_eq!(told, ["chosen, image 0", "moved, image 0"]);
}

/// The models in `models/`, as `sets` change them.
fn published(sets: &[&str]) -> Vec<(String, Graph)> {
    let sets: Vec<_> = sets.iter().map(|set| (*set).into()).collect();
    let models = std::fs::read_dir(root().join("models")).unwrap();
    let mut files: Vec<_> = models.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let lowered = |file: &Path| {
        let (program, _) = cluec::compile(&mut Sources::default(), file.to_str().unwrap(), &sets);
        program.models.into_iter().map(|model| (model.name, model.graph.unwrap()))
    };
    files.iter().flat_map(|file| lowered(file)).collect()
}

/// With two blocks a stage, which are all that differ, and smaller photographs.
#[test]
fn every_published_model_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let smaller: BTreeMap<_, _> = published(&["blocks=2", "input=128x128"]).into_iter().collect();
    let ours: Vec<_> = published(&["blocks=2"])
        .iter()
        .map(|(name, graph)| {
            let large = graph.input_size() == [224, 224];
            write(folder.path(), name, if large { &smaller[name] } else { graph })
        })
        .collect();
    assert!(ours.len() >= 5);
    let Some(wrong) = complaints(folder.path(), &ours) else { return };
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// As they are.
#[test]
#[ignore = "takes minutes"]
fn every_published_model_agrees_at_its_whole_size() {
    let folder = tempfile::tempdir().unwrap();
    let write = |(name, graph): &(String, Graph)| write(folder.path(), name, graph);
    let ours: Vec<_> = published(&[]).iter().map(write).collect();
    let Some(wrong) = complaints(folder.path(), &ours) else { return };
    assert!(wrong.is_empty(), "{wrong:#?}");
}
