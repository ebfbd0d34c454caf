//! What does not fit is told at once, with the nearest names.

use super::{opened, small, torch};
use crate::train::Bench;
use cluec::exec::init::initialize;
use cluec::foreign::TensorFile;
use cluec::weights::fit;
use safetensors::tensor::{Dtype, TensorView};

fn report(sets: &[&str], file: &TensorFile) -> String {
    let text = std::fs::read_to_string(torch("../small.clue")).unwrap();
    let graph = crate::train::model(&text, sets).graph.unwrap();
    fit(&graph, file).unwrap_err().to_string()
}

#[test]
fn missing_unknown_and_misshapen_tensors_are_told_together() {
    let file = opened("training.pth");
    insta::assert_snapshot!(report(&["classes=5", "mixer.fuse=fixed", "pool=conv"], &file));
    insta::assert_snapshot!(report(&["blocks=2 2"], &file));
}

#[test]
fn a_misspelled_name_finds_the_right_one() {
    let graph = small();
    let parameters = initialize(&graph, 1);
    let about = Default::default();
    let bytes = cluec::weights::published(&graph, &parameters, &about).unwrap();
    let mut bytes = bytes;
    let at = bytes.windows(11).position(|name| name == b"head.weight").unwrap();
    bytes[at..at + 11].copy_from_slice(b"haed.weight");
    insta::assert_snapshot!(report(&[], &TensorFile::read(bytes).unwrap()));
}

#[test]
fn numbers_that_are_none_are_never_imported() {
    let graph = small();
    let mut parameters = initialize(&graph, 1);
    parameters[3][0] = f32::NAN;
    parameters[5][1] = f32::INFINITY;
    let bytes = cluec::weights::own(&graph, &parameters, &Default::default()).unwrap();
    let error = fit(&graph, &TensorFile::read(bytes).unwrap()).unwrap_err().to_string();
    insta::assert_snapshot!(error);
}

#[test]
fn the_command_says_what_does_not_fit_and_writes_nothing() {
    let bench = Bench::new();
    let weights = torch("training.pth");
    let ran = bench.run(&format!("import tiny.clue {} --out x.safetensors", weights.display()));
    assert_eq!(ran.code, Some(1));
    let first = ran.err.lines().next().unwrap().replace(&weights.display().to_string(), "WEIGHTS");
    assert_eq!(first, "error: WEIGHTS: the weights do not fit the model");
    assert!(!bench.path("x.safetensors").exists());
}

/// A name as long as a file can hold is compared with no other.
#[test]
fn long_names_take_no_time() {
    let long = "a".repeat(1 << 20);
    let view = || TensorView::new(Dtype::F32, vec![1], &[0; 4]).unwrap();
    let tensors = (0..8).map(|i| (format!("{long}{i}"), view()));
    let bytes = safetensors::serialize(tensors, None).unwrap();
    assert!(report(&[], &TensorFile::read(bytes).unwrap()).contains("not in the model (8)"));
}
