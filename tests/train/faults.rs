//! What goes wrong between two runs of the program, and within one: refused or told, and nothing lost.

use super::verbs::photographs;
use super::{Bench, Ran};
use cluec::train::Checkpoint;
use insta::assert_snapshot;
use std::fs;
use std::path::Path;
use std::process::Stdio;

fn refused(bench: &Bench, arguments: &str) -> String {
    let ran = bench.run(arguments);
    assert_eq!(ran.code, Some(1), "{arguments}: {}{}", ran.out, ran.err);
    ran.err
}

#[test]
fn a_loss_that_is_none_is_followed_to_the_first_value() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out run --steps 7");
    let said = refused(&bench, "train --resume run --set recipe.optimizer.lr=1e30");
    assert_snapshot!(said);
    // What it names as the last good state is one.
    let last = Checkpoint::load(&bench.path("run/last.safetensors")).unwrap();
    assert!(said.contains(&format!("that of step {}", last.meta.step)), "{said}");
    assert!(last.parameters.iter().flatten().all(|x| x.is_finite()));
    let record = fs::read_to_string(bench.path("run/run.json")).unwrap();
    assert!(record.contains("\"failed\"") && record.contains("gives the first"), "{record}");
}

/// The loss and the backward pass stand behind the last value of the model.
#[test]
fn a_loss_that_overflows_by_itself_is_placed() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out run --steps 7");
    let path = bench.path("run/last.safetensors");
    let mut checkpoint = Checkpoint::load(&path).unwrap();
    let head = checkpoint.names.iter().position(|name| name == "head.linear.bias").unwrap();
    for (class, bias) in checkpoint.parameters[head].iter_mut().enumerate() {
        *bias = if class == 0 { 3e38 } else { -3e38 };
    }
    checkpoint.save(&path).unwrap();
    let said = refused(&bench, "train --resume run");
    let placed =
        "error: the loss is inf at step 8: `loss` (cross_entropy) gives the first, for image ";
    assert!(said.starts_with(placed), "{said}");
}

/// Weights so large that every step from them gives the same NaN, whatever the learning rate.
pub fn overflow(path: &Path) {
    let mut checkpoint = Checkpoint::load(path).unwrap();
    checkpoint.parameters.iter_mut().flatten().for_each(|x| *x = 1e30);
    checkpoint.save(path).unwrap();
}

#[test]
fn what_is_left_after_a_loss_that_is_none_can_be_gone_on_from() {
    let bench = Bench::new();
    // The first large step overflows the weights: they are not what is kept.
    let said = refused(&bench, "train tiny.clue --out run --set recipe.optimizer.lr=1e30");
    assert!(said.contains("last good state, that of step 0; go on from it"), "{said}");
    bench.fine("train --resume run --set recipe.optimizer.lr=1e-3");

    // Where the checkpoint itself leads to it, the other one is named,
    bench.fine("train tiny.clue --out before --steps 7");
    bench.fine("train tiny.clue --out dead --steps 14");
    overflow(&bench.path("dead/last.safetensors"));
    fs::copy(bench.path("before/last.safetensors"), bench.path("dead/best.safetensors")).unwrap();
    assert_snapshot!(refused(&bench, "train --resume dead"));
    fs::copy(bench.path("dead/best.safetensors"), bench.path("dead/last.safetensors")).unwrap();
    bench.fine("train --resume dead");

    // and where there is none, that there is none.
    overflow(&bench.path("before/last.safetensors"));
    assert_snapshot!(refused(&bench, "train --resume before"));
    // A rehearsal's folder is gone when it is read.
    let rehearsed = refused(&bench, "verify-resume before");
    assert!(!rehearsed.contains("help") && rehearsed.contains("NaN at step"), "{rehearsed}");

    // What it computes is no number, and no answer.
    let image = bench.path("image.png");
    image::save_buffer(image, &[9; 768], 16, 16, image::ExtendedColorType::Rgb8).unwrap();
    for (verb, told) in [
        ("eval before", "the loss is NaN"),
        ("predict before image.png", "the logits of image.png"),
    ] {
        let said = refused(&bench, verb);
        assert!(said.starts_with(&format!("error: {told}")), "{said}");
    }
}

#[test]
fn a_damaged_checkpoint_is_found_and_the_other_one_named() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out whole");
    bench.fine("train tiny.clue --out run --steps 14");
    let path = bench.path("run/last.safetensors");
    let sound = fs::read(&path).unwrap();
    let mut flipped = sound.clone();
    flipped[sound.len() - 1000] ^= 1;
    for (bytes, message) in [
        (&sound[..sound.len() / 2], "can not be read: "),
        (&sound[..0], "can not be read: "),
        (&flipped, "its check sum does not fit: the file is damaged"),
    ] {
        fs::write(&path, bytes).unwrap();
        let said = refused(&bench, "train --resume run");
        assert!(said.contains(message), "{said}");
        let other = "help: run/best.safetensors is whole, and stands at step";
        assert!(said.contains(other), "{said}");
        assert!(refused(&bench, "eval run/last.safetensors").contains(other));
        assert!(fs::read(&path).unwrap() == bytes);
    }
    // As it says.
    fs::copy(bench.path("run/best.safetensors"), &path).unwrap();
    bench.fine("train --resume run");
    bench.assert_same("whole", "run");
}

#[test]
fn other_images_are_refused() {
    let bench = Bench::new();
    photographs(&bench);
    bench.fine("train photos.clue --data photos --out whole");
    bench.fine("train photos.clue --data photos --out run --steps 3");
    let image = bench.path("photos/train/night/2.png");
    let sound = fs::read(&image).unwrap();
    // One is gone.
    fs::remove_file(&image).unwrap();
    let gone = refused(&bench, "train --resume run");
    assert!(gone.contains("training images of 12, and this is 11"), "{gone}");
    // One has another name; one was written anew.
    let renamed = bench.path("photos/train/night/9.png");
    fs::write(&renamed, &sound).unwrap();
    let other = refused(&bench, "train --resume run");
    let both = Checkpoint::load(&bench.path("run/last.safetensors")).unwrap();
    let there = both.meta.train_fingerprint.unwrap();
    assert!(other.contains(&format!("their fingerprint was {there}, and is ")), "{other}");
    fs::remove_file(&renamed).unwrap();
    fs::write(&image, [&sound[..], b"\n"].concat()).unwrap();
    assert!(refused(&bench, "train --resume run").contains("their fingerprint was"));
    // Other classes.
    fs::write(&image, &sound).unwrap();
    for part in ["train", "val"] {
        let class = |name| bench.path("photos").join(part).join(name);
        fs::rename(class("night"), class("dusk")).unwrap();
    }
    let classes = refused(&bench, "train --resume run");
    assert!(classes.contains("the first that differs: `dusk` and `night`"), "{classes}");
    for part in ["train", "val"] {
        let class = |name| bench.path("photos").join(part).join(name);
        fs::rename(class("dusk"), class("night")).unwrap();
    }
    // All of it did no harm, and elsewhere the same images are the same.
    fs::rename(bench.path("photos"), bench.path("moved")).unwrap();
    bench.fine("train --resume run --data moved");
    let last = |run: &str| Checkpoint::load(&bench.path(run).join("last.safetensors")).unwrap();
    assert_eq!(last("run").parameters, last("whole").parameters);
}

#[test]
fn other_generated_images_are_refused() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out run --steps 3");
    let said = refused(&bench, "train --resume run --set data.seed=9");
    assert!(said.contains("their fingerprint was"), "{said}");
}

#[test]
fn an_edited_text_is_refused_with_both_lines() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out run --steps 3");
    let path = bench.path("run/model.clue");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("drop_path 0.2", "drop_path 0.3")).unwrap();
    assert!(fs::read_to_string(&path).unwrap() != text, "{text}");
    assert_snapshot!(refused(&bench, "train --resume run"));
    // The text that it is to go on with may lie there: that is how a killed program leaves it.
    bench.fine("train tiny.clue --out other --steps 3 --epochs 5");
    fs::copy(bench.path("other/model.clue"), &path).unwrap();
    bench.fine("train --resume run --epochs 5 --steps 4");
    fs::remove_file(&path).unwrap();
    bench.fine("train --resume run");
}

#[test]
fn of_two_that_go_on_at_once_one_does() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out whole --epochs 8");
    bench.fine("train tiny.clue --out run --epochs 8 --steps 3");
    let start = |_| {
        let mut command = bench.command("train --resume run");
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = (0..3).map(start).collect();
    let ended: Vec<Ran> =
        children.into_iter().map(|child| Ran::from(child.wait_with_output().unwrap())).collect();
    assert!(ended.iter().any(|ran| ran.code == Some(0)));
    for ran in ended.iter().filter(|ran| ran.code != Some(0)) {
        assert_eq!(ran.code, Some(1));
        assert!(ran.err.contains("another cluec trains in this folder"), "{}", ran.err);
    }
    let last = |run: &str| Checkpoint::load(&bench.path(run).join("last.safetensors")).unwrap();
    assert_eq!(last("run").parameters, last("whole").parameters);
    assert_eq!(last("run").meta.step, 56);
}
