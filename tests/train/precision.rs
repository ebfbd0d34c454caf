//! Recipes in bf16 and fp16 on a CPU: they learn, what is skipped is told, nothing is lost.

use super::faults::overflow;
use super::{Bench, Ran};
use cluec::train::{Checkpoint, Meta, Metrics, Record};
use insta::assert_snapshot;

fn meta(bench: &Bench, run: &str) -> Meta {
    Checkpoint::load(&bench.path(run).join("last.safetensors")).unwrap().meta
}

fn records(bench: &Bench, run: &str) -> Vec<Record> {
    Metrics::read(&bench.path(run).join("metrics.jsonl")).unwrap()
}

#[test]
fn half_precision_learns_as_fp32_does() {
    let bench = Bench::new();
    let end = |precision: &str| {
        let set = format!("--set recipe.precision={precision} --set recipe.optimizer.lr=1e-2");
        bench.fine(&format!("train tiny.clue --epochs 12 --out {precision} {set}"));
        records(&bench, precision).last().unwrap().loss
    };
    let full = end("fp32");
    assert!(full < 1.3, "{full} of ln 4");
    for precision in ["bf16", "fp16"] {
        let half = end(precision);
        assert!(half != full && (half - full).abs() < 0.02, "{precision}: {half} for {full}");
    }
    // The scale that was good is kept, and written down.
    let record = &records(&bench, "fp16")[0];
    assert_eq!((record.loss_scale, record.skipped), (Some(65536.0), 0));
    assert_eq!(records(&bench, "bf16")[0].loss_scale, None);
    // A trained model is measured in the precision it was trained in.
    let score = |said: &str| said.split("loss ").nth(1).unwrap()[..6].to_string();
    let said = bench.fine("eval fp16/last.safetensors").out;
    let told = records(&bench, "fp16").pop().unwrap().loss;
    assert_eq!(score(&said), format!("{told:.4}"));
}

/// So large a scale that gradients overflow at first.
const OVERFLOWS: &str = "--set recipe.precision=fp16 --set recipe.precision.loss_scale=1e9 --set recipe.precision.growth_interval=5";

#[test]
fn a_step_that_overflows_is_skipped_counted_and_told() {
    let bench = Bench::new();
    let ran = bench.fine(&format!("train tiny.clue --out run --steps 21 {OVERFLOWS}"));
    let lines = |ran: &Ran| -> String {
        ran.err.lines().filter(|line| line.contains("skipped")).map(|l| format!("{l}\n")).collect()
    };
    let skipped = lines(&ran).lines().filter(|line| line.contains("is skipped")).count() as u64;
    let meta = meta(&bench, "run");
    assert!(skipped > 5 && meta.skipped == skipped, "{skipped}, {meta:?}");
    // The schedule goes on, the optimizer does not.
    assert_eq!((meta.step, meta.updates), (21, 21 - skipped));
    assert_eq!(records(&bench, "run").iter().map(|record| record.skipped).sum::<u64>(), skipped);
    assert!(lines(&ran).contains(&format!("{skipped} of 21 steps were skipped")), "{}", ran.err);
    assert!(ran.err.lines().next().unwrap().starts_with("step 1 is skipped"), "{}", ran.err);
    let table = std::fs::read_to_string(bench.path("run/metrics.csv")).unwrap();
    assert!(table.lines().next().unwrap().ends_with("skipped,loss_scale,overflowed"), "{table}");
}

/// A scale that falls and rises is part of what a run goes on from.
#[test]
fn a_scaled_training_is_resumed_to_the_bit() {
    let bench = Bench::new();
    let said = bench.fine(&format!("verify-resume tiny.clue --steps 21 {OVERFLOWS}")).out;
    assert!(said.contains("in fp16"), "{said}");
    // And by hand: stopped after its skips, before it doubles again.
    let whole = format!("train tiny.clue --steps 14 {OVERFLOWS}");
    bench.fine(&format!("{whole} --out whole"));
    bench.fine(&format!("train tiny.clue --steps 9 {OVERFLOWS} --out run"));
    let left = meta(&bench, "run");
    bench.fine("train --resume run --steps 14");
    let (run, whole) = (meta(&bench, "run"), meta(&bench, "whole"));
    assert!(left.skipped > 0 && left.scaling != run.scaling);
    assert_eq!(
        (run.scaling, run.skipped, run.updates),
        (whole.scaling, whole.skipped, whole.updates)
    );
    let weights =
        |run: &str| Checkpoint::load(&bench.path(run).join("last.safetensors")).unwrap().hash();
    assert_eq!(weights("run"), weights("whole"));
    // Who says another scale begins with that.
    bench.fine("train --resume run --steps 15 --set recipe.precision.loss_scale=128");
    assert_eq!(meta(&bench, "run").scaling.unwrap().scale.0, 128.0);
}

/// A range test first finds the scale at which it can begin.
#[test]
fn rates_are_found_in_half_precision() {
    let bench = Bench::new();
    let said = bench.fine(&format!("lr tiny.clue --steps 40 --format json {OVERFLOWS}")).out;
    let found: serde_json::Value = serde_json::from_str(&said).unwrap();
    let skipped = found["skipped"].as_u64().unwrap();
    assert!(skipped > 5 && found["suggestion"].is_number(), "{said}");
    assert_eq!(found["points"].as_array().unwrap().len() as u64 + skipped, 40);
}

#[test]
fn a_scale_that_can_not_fall_further_ends_the_training() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out run --steps 7 --set recipe.precision=fp16");
    let ran = bench.run("train --resume run --set recipe.optimizer.lr=1e5");
    assert_eq!(ran.code, Some(1));
    let said: Vec<&str> = ran.err.lines().filter(|line| !line.contains("images/s")).collect();
    assert_snapshot!(said.join("\n"));
    // What it names as the last good state is one.
    let last = Checkpoint::load(&bench.path("run/last.safetensors")).unwrap();
    assert!(ran.err.contains(&format!("that of step {}", last.meta.step)), "{}", ran.err);
    assert!(last.parameters.iter().flatten().all(|x| x.is_finite()));
}

/// What the forward pass gives no scale can cure: no step is skipped for it.
#[test]
fn a_loss_that_is_none_ends_the_training() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out run --steps 3 --set recipe.precision=fp16");
    overflow(&bench.path("run/last.safetensors"));
    let ran = bench.run("train --resume run");
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(!ran.err.contains("skipped"), "{}", ran.err);
    assert!(ran.err.starts_with("error: the loss is NaN at step 4"), "{}", ran.err);
    let ran = bench.run("lr --steps 4 run/model.clue --set layer_scale=1e30");
    assert!(ran.out.contains("the loss was no number at once"), "{}", ran.out);
}

#[test]
fn the_reference_executor_refuses_16_bits() {
    let bench = Bench::new();
    let ran = bench.run("train tiny.clue --executor reference --set recipe.precision=bf16");
    assert_eq!(ran.code, Some(1));
    assert_snapshot!(ran.err, @r"
    error: the recipe asks for bf16, and the reference executor computes in fp32
      help: --executor compiled, or --set recipe.precision=fp32
    ");
}
