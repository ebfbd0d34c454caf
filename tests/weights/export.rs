//! What goes out comes in again to the bit, and PyTorch takes it.

use super::{logits, opened, python, small, torch};
use crate::train::Bench;
use cluec::foreign::TensorFile;
use cluec::train::Checkpoint;
use cluec::weights::{fit, own, published};

#[test]
fn both_names_come_back_to_the_bit() {
    let graph = small();
    let parameters = fit(&graph, &opened("training.pth")).unwrap();
    for write in [own, published] {
        let bytes = write(&graph, &parameters, &Default::default()).unwrap();
        assert!(bytes == write(&graph, &parameters, &Default::default()).unwrap());
        assert!(fit(&graph, &TensorFile::read(bytes).unwrap()).unwrap() == parameters);
    }
}

#[test]
fn a_trained_checkpoint_is_exported_and_imported_again() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --epochs 1 --steps 2");
    let checkpoint = "runs/tiny/last.safetensors";
    for format in ["safetensors", "published"] {
        let said = bench
            .fine(&format!("export {checkpoint} --format {format} --out {format}.safetensors"));
        assert!(said.out.starts_with(&format!("{format}.safetensors: tiny with ")), "{}", said.out);
        bench.fine(&format!("import tiny.clue {format}.safetensors --out {format}.ckpt"));
        let [there, here] = [checkpoint.to_string(), format!("{format}.ckpt")]
            .map(|path| Checkpoint::load(&bench.path(path)).unwrap());
        assert!(there.parameters == here.parameters && here.meta.classes == there.meta.classes);
    }
    // A checkpoint gives its weights to a model that has the same parameters.
    bench.fine(&format!("import tiny.clue {checkpoint} --set mixer.grid=3x3 --out other.ckpt"));
    let missing = bench.run("export runs/none.safetensors --format onnx --out x.onnx");
    assert_eq!(missing.code, Some(1));
}

#[test]
fn pytorch_takes_what_is_exported() {
    let Some(mut python) = python("torch, safetensors, numpy") else { return };
    let graph = small();
    let parameters = fit(&graph, &opened("legacy.pth")).unwrap();
    assert!(!logits(&graph, &parameters, &[0.5; 16 * 16 * 3]).is_empty());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("exported.safetensors");
    std::fs::write(&path, published(&graph, &parameters, &Default::default()).unwrap()).unwrap();
    let output = python
        .arg(torch("load.py"))
        .arg(path)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
