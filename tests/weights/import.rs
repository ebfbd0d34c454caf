//! Checkpoints of PyTorch give the logits that PyTorch gave.

use super::{answers, logits, opened, small, torch};
use crate::train::Bench;
use cluec::train::Checkpoint;
use cluec::weights::fit;

#[test]
fn files_of_torch_hold_what_torch_computed_with() {
    let (graph, (images, expected)) = (small(), answers());
    let all: Vec<_> = ["training.pth", "views.pth", "legacy.pth"]
        .map(|name| fit(&graph, &opened(name)).unwrap_or_else(|error| panic!("{name}: {error}")))
        .into();
    // A dictionary among others; strided views into one storage of doubles; halves in one row.
    assert!(all[0] == all[1] && all[1] == all[2]);
    let found = logits(&graph, &all[0], &images);
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }
}

#[test]
fn an_imported_checkpoint_is_one_like_any_other() {
    let bench = Bench::new();
    std::fs::write(bench.path("small.clue"), std::fs::read(torch("../small.clue")).unwrap())
        .unwrap();
    let weights = torch("training.pth");
    let import = format!(
        "import small.clue {} --out small.safetensors --set data=shapes --set data.size=16x16 \
         --set data.classes=4 --set data.train_images=8 --set data.test_images=8",
        weights.display()
    );
    let said = bench.fine(&import);
    assert_eq!(said.err, "");
    let out = said.out.replace(&weights.display().to_string(), "WEIGHTS");
    insta::assert_snapshot!(out, @"small.safetensors: the 5_593 parameters of small in 93 tensors of WEIGHTS");
    let checkpoint = Checkpoint::load(&bench.path("small.safetensors")).unwrap();
    assert!(checkpoint.meta.classes.len() == 4 && checkpoint.kept.is_empty());
    bench.fine("eval small.safetensors");
    bench.fine("eval small.safetensors --executor reference");
}

#[test]
fn without_images_the_classes_have_no_names() {
    let bench = Bench::new();
    std::fs::write(bench.path("small.clue"), std::fs::read(torch("../small.clue")).unwrap())
        .unwrap();
    let import =
        format!("import small.clue small {} --out x.safetensors", torch("views.pth").display());
    let said = bench.fine(&import).err;
    assert_eq!(said, "the names of the classes are not known here: `--data DIR` would find them\n");
    assert_eq!(Checkpoint::load(&bench.path("x.safetensors")).unwrap().meta.classes.len(), 0);
}

#[test]
fn what_is_read_is_never_written_over() {
    let bench = Bench::new();
    let text = std::fs::read(torch("../small.clue")).unwrap();
    let weights = std::fs::read(torch("training.pth")).unwrap();
    std::fs::write(bench.path("small.clue"), &text).unwrap();
    std::fs::write(bench.path("small.pth"), &weights).unwrap();
    let import = "import small.clue small.pth --out";
    let said = bench.run(&format!("{import} small.pth")).err;
    assert!(said.contains("small.pth is what this is made from, and would be lost"), "{said}");
    let said = bench.run(&format!("{import} small.clue")).err;
    assert!(said.contains("small.clue is a text of the language, which would be lost"), "{said}");
    assert!(std::fs::read(bench.path("small.clue")).unwrap() == text);
    assert!(std::fs::read(bench.path("small.pth")).unwrap() == weights);
}
