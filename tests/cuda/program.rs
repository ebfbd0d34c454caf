//! The program as a user runs it: libraries are found by their names, and everything between a text and a
//! kernel takes part.

use super::kind;
use super::oracle::close;
use super::platform::{self, Kind};
use crate::train::{Bench, Ran, TINY, model};
use cluec::exec::{Footprint, Target, Work};
use cluec::graph::Precision;
use cluec::passes::Method;
use cluec::train::{Checkpoint, Metrics};
use serde_json::Value;
use std::process::Command;

/// Runs `cluec ARGUMENTS`, where there is a GPU.
fn run_on_gpu(bench: &Bench, arguments: &str) -> Option<Ran> {
    let mut command = bench.command(arguments);
    on_gpu(&mut command)?;
    Some(Ran::from(command.output().unwrap()))
}

/// Lets a command find the GPU there is.
fn on_gpu(command: &mut Command) -> Option<Kind> {
    let kind = kind()?;
    if kind == Kind::Emulated {
        command.env("LD_LIBRARY_PATH", platform::folder().unwrap());
        command.env("XDG_CACHE_HOME", platform::folder().unwrap());
    }
    Some(kind)
}

fn run(bench: &Bench, arguments: &str) -> Option<Ran> {
    run_on_gpu(bench, &format!("{arguments} --device cuda"))
}

fn fine(bench: &Bench, arguments: &str) -> Option<Ran> {
    let ran = run(bench, arguments)?;
    assert_eq!(ran.code, Some(0), "{arguments}\n{}{}", ran.out, ran.err);
    Some(ran)
}

/// Runs it on an emulated GPU with so many bytes of memory; a real one has what it has.
fn run_within(bench: &Bench, bytes: u64, arguments: &str) -> Option<Ran> {
    let mut command = bench.command(&format!("{arguments} --device cuda"));
    command.env("PLATFORM_MEMORY", bytes.to_string());
    match on_gpu(&mut command)? {
        Kind::Real => None,
        Kind::Emulated => Some(Ran::from(command.output().unwrap())),
    }
}

/// What a run's last checkpoint holds, as one row of numbers.
fn weights(bench: &Bench, run: &str) -> Vec<f32> {
    let checkpoint = Checkpoint::load(&bench.path(run).join("last.safetensors")).unwrap();
    checkpoint.parameters.concat()
}

#[test]
fn a_run_is_that_of_a_cpu_and_is_repeated_and_resumed_to_the_bit() {
    let bench = Bench::new();
    let smooth = "--set mixer.assign=soft --steps 10";
    if fine(&bench, &format!("train tiny.clue --out gpu {smooth}")).is_none() {
        return;
    }
    bench.fine(&format!("train tiny.clue --out cpu {smooth}"));
    close("weights", &weights(&bench, "gpu"), &weights(&bench, "cpu"), 1e-3);
    let losses = |run: &str| -> Vec<f32> {
        let records = Metrics::read(&bench.path(run).join("metrics.jsonl")).unwrap();
        records.iter().map(|record| record.loss as f32).collect()
    };
    close("losses", &losses("gpu"), &losses("cpu"), 1e-4);
    for run in ["one", "other"] {
        fine(&bench, &format!("train tiny.clue --out {run} --steps 10")).unwrap();
    }
    bench.assert_same("one", "other");
    let said = fine(&bench, "verify-resume tiny.clue --steps 4").unwrap();
    assert!(said.out.contains("equal to the bit"), "{}{}", said.out, said.err);
}

#[test]
fn sixteen_bits_learn_and_overflows_are_skipped() {
    let bench = Bench::new();
    for precision in ["bf16", "fp16"] {
        let train = format!("train tiny.clue --out {precision} --set recipe.precision={precision}");
        if fine(&bench, &train).is_none() {
            return;
        }
        let records = Metrics::read(&bench.path(precision).join("metrics.jsonl")).unwrap();
        assert!(records.last().unwrap().loss < records[0].loss, "{precision}");
        // What was trained there is evaluated anywhere.
        let eval = format!("eval {precision}/last.safetensors");
        let [gpu, cpu] = [fine(&bench, &eval).unwrap(), bench.fine(&eval)].map(|ran| ran.out);
        let loss = |said: &str| said.split("loss ").nth(1).unwrap()[..6].parse::<f32>().unwrap();
        close("loss", &[loss(&gpu)], &[loss(&cpu)], 1e-2);
    }
    let scale = "--set recipe.precision=fp16 --set recipe.precision.loss_scale=1e12";
    let ran = fine(&bench, &format!("train tiny.clue --out scaled --steps 4 {scale}")).unwrap();
    assert!(ran.err.contains("step 1 is skipped"), "{}", ran.err);
}

/// Whether two answers say the same, their numbers within rounding.
fn alike(place: &str, found: &Value, expected: &Value) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            assert!(found.keys().eq(expected.keys()), "{place}");
            let pairs = found.iter().zip(expected.values());
            pairs.for_each(|((key, a), b)| alike(&format!("{place}.{key}"), a, b));
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "{place}");
            found.iter().zip(expected).for_each(|(a, b)| alike(place, a, b));
        }
        (Value::Number(found), Value::Number(expected)) if found.is_f64() => {
            let [found, expected] = [found, expected].map(|number| number.as_f64().unwrap());
            assert!((found - expected).abs() < 1e-4, "{place}: {found} and {expected}");
        }
        _ => assert_eq!(found, expected, "{place}"),
    }
}

#[test]
fn what_is_seen_is_what_a_cpu_sees() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out run --steps 10");
    for what in ["--count 3", "--count 12 --statistics"] {
        let see = format!("see run --dataset shapes --format json {what}");
        let Some(gpu) = fine(&bench, &see) else { return };
        let read = |ran: &Ran| serde_json::from_str::<Value>(&ran.out).unwrap();
        alike(what, &read(&gpu), &read(&bench.fine(&see)));
    }
    fine(&bench, "report run --out page.html --images 1 --counted 8").unwrap();
    let page = std::fs::read_to_string(bench.path("page.html")).unwrap();
    assert!(page.contains("stage 1, block 1, head 2"), "{page}");
    let refused = run(&bench, "see run --dataset shapes --executor reference").unwrap();
    assert!(refused.err.contains("runs on the CPU only"), "{}", refused.err);
}

#[test]
fn it_says_what_it_is_measures_and_refuses_what_does_not_fit() {
    let bench = Bench::new();
    if fine(&bench, "bench tiny.clue --batch 4 --steps 2").is_none() {
        return;
    }
    let ran = run(&bench, "bench tiny.clue --batch 16777216 --steps 1").unwrap();
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    for told in ["of the GPU's memory, and ", "help: `--batch "] {
        assert!(ran.err.contains(told), "{told}: {}", ran.err);
    }
    // With a cache of its own, in which there is nothing yet.
    let mut command =
        bench.command("bench tiny.clue --batch 4 --steps 2 --mode infer --device cuda");
    on_gpu(&mut command).unwrap();
    let cache = tempfile::tempdir().unwrap();
    let mut told = || {
        let ran = Ran::from(command.env("XDG_CACHE_HOME", cache.path()).output().unwrap());
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
        ran.err.contains(" kernels for this GPU")
    };
    assert_eq!([told(), told()], [true, false]);
    let said = run_on_gpu(&bench, "devices").unwrap().out;
    assert!(said.contains("GPU 0  ") && said.contains("compute capability"), "{said}");
}

#[test]
fn a_training_that_does_not_fit_is_refused_and_the_largest_that_fits_fits() {
    let bench = Bench::new();
    let model = model(TINY, &[]);
    let (graph, method) = (model.graph.unwrap(), Method::of(model.recipe.as_ref()));
    let footprint = Footprint::new(&graph, method, Target::Cuda(Precision::F32));
    let memory = footprint.bytes(Work::Training, 40) - 1;
    let Some(ran) = run_within(&bench, memory, "train tiny.clue --out run --batch 40") else {
        return;
    };
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    for told in [
        "E0520",
        "a batch of 40 images takes ",
        " of the GPU's memory, and ",
        "so many images",
        "help: write `--batch 39` or less",
    ] {
        assert!(ran.err.contains(told), "{told}: {}", ran.err);
    }
    assert!(!bench.path("run").exists());
    let ran = run_within(&bench, memory, "bench tiny.clue --batch 40 --mode train").unwrap();
    assert!(ran.err.contains("help: `--batch 39` fits"), "{}", ran.err);
    // What is left beside the step holds no training images.
    let largest = "train tiny.clue --out run --batch 39 --steps 4";
    let ran = run_within(&bench, memory, largest).unwrap();
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(!ran.err.contains("training images are held"), "{}", ran.err);
    // Evaluation takes as many at a time as fit, unless it is told how many.
    let footprint = Footprint::new(&graph, Method::default(), Target::Cuda(Precision::F32));
    let memory = footprint.bytes(Work::Inference, 3);
    let ran = run_within(&bench, memory, "eval run --batch 4").unwrap();
    assert!(ran.err.contains("help: `--batch 3` fits"), "{}", ran.err);
    let ran = run_within(&bench, memory, "eval run").unwrap();
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("3 images at a time"), "{}", ran.err);
    assert_eq!(ran.out, run_within(&bench, 1 << 30, "eval run").unwrap().out);
}
