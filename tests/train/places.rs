//! Which folders are runs, what is taken for one, and that one run never slips into the place of another.

use super::Bench;
use super::verbs::photographs;
use cluec::train::Checkpoint;
use std::fs;

fn refused(bench: &Bench, arguments: &str, code: i32) -> String {
    let ran = bench.run(arguments);
    assert_eq!(ran.code, Some(code), "{arguments}: {}{}", ran.out, ran.err);
    ran.err
}

fn record(bench: &Bench, run: &str) -> serde_json::Value {
    let text = fs::read_to_string(bench.path(run).join("run.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn where_a_checkpoint_is_taken_a_run_is_taken() {
    let bench = Bench::new();
    photographs(&bench);
    for keep in ["last", "best"] {
        let run = format!("run-{keep}");
        bench.fine(&format!(
            "train photos.clue --data photos --out {run} --epochs 3 --set recipe.keep={keep}"
        ));
        let file = format!("{run}/{keep}.safetensors");
        for (before, after) in [
            ("eval ", ""),
            ("predict ", " photos/val/day/6.png"),
            ("predict ", " photos/val/day/6.png --threads 2"),
        ] {
            let said = |what: &str| bench.fine(&format!("{before}{what}{after}")).out;
            assert_eq!(said(&run), said(&file), "{before}");
        }
        for what in [&run, &file] {
            bench.fine(&format!("export {what} --format safetensors --out out-{}", what.len()));
        }
        let read = |what: &str| fs::read(bench.path(format!("out-{}", what.len()))).unwrap();
        assert!(read(&run) == read(&file));
    }
}

#[test]
fn what_is_no_run_is_told_so() {
    let bench = Bench::new();
    fs::create_dir(bench.path("plain")).unwrap();
    for verb in ["train --resume", "verify-resume", "eval"] {
        let said = refused(&bench, &format!("{verb} plain"), 1);
        assert!(said.starts_with("error: plain is not the folder of a run\n"), "{verb}: {said}");
    }
    let said = refused(&bench, "train --resume tiny.clue", 1);
    assert!(said.starts_with("error: tiny.clue is not the folder of a run\n"), "{said}");
    // Killed before its first checkpoint.
    bench.fine("train tiny.clue --out run --steps 1");
    for file in ["last", "best"] {
        fs::remove_file(bench.path(format!("run/{file}.safetensors"))).unwrap();
    }
    for verb in ["train --resume", "verify-resume", "eval"] {
        let said = refused(&bench, &format!("{verb} run"), 1);
        assert!(said.starts_with("error: there is no checkpoint in run: "), "{verb}: {said}");
        assert!(
            said.contains("`cluec train run/model.clue`, and then remove run"),
            "{verb}: {said}"
        );
    }
}

/// What is left of a run is used, or the way to go on from it is told.
#[test]
fn without_its_last_checkpoint_a_run_has_its_best_one() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out 'my --epochs 2");
    let right = bench.fine("eval 'my/best.safetensors").out;
    fs::remove_file(bench.path("'my/last.safetensors")).unwrap();
    let ran = bench.fine("eval 'my");
    assert_eq!(ran.out, right);
    assert!(ran.err.contains("last.safetensors is gone; this is 'my/best"), "{}", ran.err);
    bench.fine("report 'my");
    for verb in ["train --resume", "verify-resume"] {
        let said = refused(&bench, &format!("{verb} 'my"), 1);
        assert!(said.contains("best.safetensors is whole, and stands at step "), "{verb}: {said}");
        let command = r"cp ''\''my/best.safetensors' ''\''my/last.safetensors'";
        assert!(said.contains(command), "{verb}: {said}");
    }
    fs::copy(bench.path("'my/best.safetensors"), bench.path("'my/last.safetensors")).unwrap();
    bench.fine("train --resume 'my");
}

/// Of one set that is divided other images are tested when some were added; of parts that lie apart they
/// are not, and others may be asked for.
#[test]
fn images_that_are_not_those_of_the_run_are_told() {
    let bench = Bench::new();
    photographs(&bench);
    let warned = |arguments: &str| {
        bench.fine(arguments).err.contains("warning: the training images are not those of the run")
    };
    let verbs = ["eval run", "see run --dataset image_folders --count 1", "report run"];
    bench.fine("train photos.clue --data photos/train --out run --epochs 1");
    for verb in verbs {
        assert!(!warned(verb), "{verb}");
    }
    for i in [6, 7] {
        let name = format!("day/{i}.{}", if i == 6 { "png" } else { "jpg" });
        fs::copy(
            bench.path(format!("photos/val/{name}")),
            bench.path(format!("photos/train/{name}")),
        )
        .unwrap();
    }
    for verb in verbs {
        assert!(warned(verb), "{verb}");
        assert!(warned(&format!("{verb} --data photos/train")), "{verb}");
        assert!(!warned(&format!("{verb} --data photos")), "{verb}");
    }
}

#[test]
fn a_checkpoint_of_a_run_is_not_written_over() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out run --epochs 1");
    bench.fine("export run --format safetensors --out weights.safetensors");
    let read = |name: &str| fs::read(bench.path(format!("run/{name}.safetensors"))).unwrap();
    for name in ["last", "best"] {
        let before = read(name);
        for command in [
            "export run --format safetensors --out",
            "export run --format onnx --out",
            "import tiny.clue weights.safetensors --out",
            "report run --out",
        ] {
            let said = refused(&bench, &format!("{command} run/{name}.safetensors"), 1);
            let told = format!("error: run/{name}.safetensors is a checkpoint of a run");
            assert!(said.starts_with(&told), "{command}: {said}");
        }
        assert!(read(name) == before);
    }
    // What was imported is none.
    for _ in 0..2 {
        fs::create_dir_all(bench.path("imported")).unwrap();
        bench.fine("import tiny.clue weights.safetensors --out imported/best.safetensors");
    }
}

#[test]
fn a_run_does_not_end_before_where_it_stands() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out run --steps 5");
    let said = refused(&bench, "train --resume run --steps 3", 1);
    assert!(said.contains("the run has taken 5 steps, and `--steps 3`"), "{said}");
    bench.fine("train --resume run --steps 5");
}

#[test]
fn imported_weights_are_trained_as_the_recipe_says() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out run --steps 2");
    bench.fine("export run --format safetensors --out weights.safetensors");
    bench.fine("import tiny.clue weights.safetensors --out imported.safetensors");
    bench.fine("verify-resume imported.safetensors --steps 3 --at 2");
}

/// A learning rate that is written is the one that holds.
#[test]
fn a_rate_that_was_found_is_not_told_where_another_is_written() {
    let bench = Bench::new();
    let ran = bench.fine("train tiny.clue --out run --steps 2 --set recipe.optimizer.lr=auto");
    assert!(ran.err.contains("the learning rate that was found"), "{}", ran.err);
    assert!(record(&bench, "run")["lr"].is_number());
    let ran = bench.fine("train --resume run --steps 4 --set recipe.optimizer.lr=1e-3");
    assert!(!ran.err.contains("that was found"), "{}", ran.err);
    assert!(record(&bench, "run")["lr"].is_null());
}

#[test]
fn a_named_folder_is_the_runs_or_refused() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out run --steps 1");
    let before = fs::read(bench.path("run/last.safetensors")).unwrap();
    let said = refused(&bench, "train tiny.clue --out run --steps 2", 1);
    assert!(said.starts_with("error: run holds a run already\n  help: go on with it"), "{said}");
    assert!(!bench.path("run-2").exists());
    assert_eq!(fs::read(bench.path("run/last.safetensors")).unwrap(), before);
    fs::create_dir_all(bench.path("full/of/things")).unwrap();
    for taken in ["full", "tiny.clue"] {
        let said = refused(&bench, &format!("train tiny.clue --out {taken}"), 1);
        let told = format!("error: {taken} is there already, and no run\n");
        assert!(said.starts_with(&told), "{said}");
    }
    // As whoever makes a folder before expects.
    fs::create_dir(bench.path("empty")).unwrap();
    bench.fine("train tiny.clue --out empty --steps 1");
    assert!(bench.path("empty/last.safetensors").exists());
}

#[test]
fn fewer_epochs_than_were_trained_are_refused() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out run --steps 16");
    let text = fs::read(bench.path("run/model.clue")).unwrap();
    let said = refused(&bench, "train --resume run --epochs 2", 1);
    assert!(said.contains("the run is in epoch 3, and this recipe ends after 2 epochs"), "{said}");
    assert_eq!(fs::read(bench.path("run/model.clue")).unwrap(), text);
    bench.fine("train --resume run --epochs 3");
    let last = Checkpoint::load(&bench.path("run/last.safetensors")).unwrap();
    assert_eq!((last.meta.epoch, last.meta.step), (3, 21));
}

#[test]
fn what_computes_otherwise_than_before_is_told() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --executor reference --out slow --steps 1");
    assert_eq!(record(&bench, "slow")["instructions"], serde_json::Value::Null);
    let told = bench.fine("train --resume slow --steps 2").err;
    let warning = "warning: the run was trained by reference on cpu and goes on by compiled on cpu";
    assert!(told.starts_with(warning), "{told}");

    bench.fine("train tiny.clue --out run --steps 1");
    let used = record(&bench, "run")["instructions"].as_str().unwrap().to_string();
    assert!(!bench.fine("train --resume run --steps 2").err.contains("warning"));
    let mut scalar = bench.command("train --resume run --steps 3");
    let ran = super::Ran::from(scalar.env("CLUEC_INSTRUCTIONS", "scalar").output().unwrap());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(record(&bench, "run")["instructions"], "scalar");
    let told = format!("with the instructions {used} and goes on with the instructions scalar");
    assert_eq!(ran.err.contains(&told), used != "scalar", "{}", ran.err);
}

/// Products of bfloat16 are no others in fp32.
#[cfg(target_arch = "x86_64")]
#[test]
fn instructions_that_a_run_did_not_need_are_not_told() {
    let bench = Bench::new();
    let ran = |arguments: &str, instructions: &str| {
        let mut command = bench.command(arguments);
        command.env("CLUEC_INSTRUCTIONS", instructions);
        let ran = super::Ran::from(command.output().unwrap());
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        ran.err
    };
    ran("train tiny.clue --out run --steps 1", "avx512-bf16");
    assert_ne!(record(&bench, "run")["instructions"], "avx512-bf16");
    assert!(!ran("train --resume run --steps 2", "avx512").contains("warning"));
}

#[test]
fn a_rehearsal_longer_than_the_training_is_told() {
    let bench = Bench::new();
    let ran = bench
        .fine("verify-resume tiny.clue --steps 1000 --set recipe.epochs=2 --set recipe.batch=26");
    let told = "the whole training has 4 steps: so many are taken, not 1000\n";
    assert!(ran.err.starts_with(told), "{}", ran.err);
}
