//! Weights of other programs come in and go out again unchanged; what is broken is an error.
//!
//! `torch/` holds what PyTorch wrote of the model in `small.clue`, with the script that made it.

mod export;
mod import;
pub mod malformed;
mod misfits;
mod onnx;

use crate::text::root;
use cluec::exec::Evaluator;
use cluec::exec::published::{Plain, Plains, read};
use cluec::exec::{Parameters, cpu::Compiled};
use cluec::foreign::TensorFile;
use cluec::graph::Graph;
use std::path::PathBuf;
use std::process::Command;

pub fn small() -> Graph {
    let text = std::fs::read_to_string(root().join("tests/weights/small.clue")).unwrap();
    crate::train::model(&text, &[]).graph.unwrap()
}

/// A file of `tests/weights/torch`.
pub fn torch(name: &str) -> PathBuf {
    root().join("tests/weights/torch").join(name)
}

pub fn opened(name: &str) -> TensorFile {
    TensorFile::open(&torch(name)).unwrap()
}

pub fn logits(graph: &Graph, parameters: &Parameters, images: &[f32]) -> Vec<f32> {
    Compiled::evaluator(graph, parameters.clone(), 1).logits(images).unwrap()
}

/// Images, channels last, and the logits that PyTorch gave.
pub fn answers() -> (Vec<f32>, Vec<f32>) {
    let tensors: Plains = read(&torch("answers.safetensors")).unwrap();
    let Plain { shape, data } = &tensors["in.x"];
    let pixels = shape[2] * shape[3];
    let mut images = Vec::new();
    for image in data.chunks(3 * pixels) {
        images.extend((0..3 * pixels).map(|i| image[i % 3 * pixels + i / 3]));
    }
    (images, tensors["out.logits"].data.clone())
}

/// A Python that has these modules: `CLUEC_PYTHON`, or `python3`.
pub fn python(modules: &str) -> Option<Command> {
    let program = std::env::var_os("CLUEC_PYTHON").unwrap_or("python3".into());
    let found = Command::new(&program).args(["-c", &format!("import {modules}")]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(Command::new(program));
    }
    println!("no Python with {modules} (CLUEC_PYTHON names one): skipped");
    None
}
