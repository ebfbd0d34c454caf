//! What a recipe asks for beside plain training: mixed images, momentum, running means, parts of steps,
//! learning rates that are found.

use super::{Bench, Ran};
use cluec::train::{Checkpoint, RunFolder};
use insta::assert_snapshot;

/// Everything at once.
const FULL: &str = "--set recipe.optimizer=sgd --set recipe.optimizer.lr=0.05 \
    --set recipe.optimizer.nesterov=on --set recipe.optimizer.weight_decay=1e-3 \
    --set recipe.loss.smoothing=0.1 --set recipe.mix.mixup=0.8 --set recipe.mix.cutmix=1 \
    --set recipe.mix.per=image --set recipe.ema=0.9 --set recipe.ema.warmup=on \
    --set recipe.accumulate=2 --set recipe.clip=0.1 --set recipe.schedule=one_cycle";

/// The same with one setting said otherwise.
fn full_but(said: &str) -> String {
    let path = said.split('=').next().unwrap();
    let others = FULL.split("--set ").map(str::trim).filter(|set| !set.is_empty());
    let others = others.filter(|set| set.split('=').next() != Some(path));
    // What is off has nothing inside.
    let inside = format!("{path}.");
    let others = others.filter(|set| !said.ends_with("=off") || !set.starts_with(&inside));
    others.chain([said]).map(|set| format!(" --set {set}")).collect()
}

fn last(bench: &Bench, run: &str) -> Checkpoint {
    Checkpoint::load(&RunFolder::open(&bench.path(run)).last()).unwrap()
}

fn refused(bench: &Bench, arguments: &str) -> String {
    let ran = bench.run(arguments);
    assert_eq!(ran.code, Some(1), "{arguments}: {}{}", ran.out, ran.err);
    ran.err
}

#[test]
fn a_full_recipe_is_resumed_to_the_bit() {
    let bench = Bench::new();
    bench.fine(&format!("train tiny.clue --out whole {FULL} --threads 2"));
    bench.fine(&format!("train tiny.clue --out parts {FULL} --steps 3"));
    bench.fine("train --resume parts --steps 12 --workers 3");
    bench.fine("train --resume parts");
    let (whole, parts) = (last(&bench, "whole"), last(&bench, "parts"));
    assert_eq!(whole.meta.step, 28);
    assert_eq!(whole.parameters, parts.parameters);
    assert_eq!(whole.kept, parts.kept);
    assert_eq!(whole.average, parts.average);
    let names: Vec<&str> = whole.kept.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["sgd.momentum"]);
    // Every part of the recipe has its say.
    for without in [
        "recipe.loss.smoothing=0",
        "recipe.mix=off",
        "recipe.mix.per=batch",
        "recipe.optimizer.nesterov=off",
        "recipe.optimizer.weight_decay=0",
        "recipe.clip=off",
    ] {
        bench.fine(&format!("train tiny.clue --out other --steps 3 {}", full_but(without)));
        bench.fine(&format!("train tiny.clue --out same {FULL} --steps 3"));
        let [other, same] = ["other", "same"].map(|run| last(&bench, run).parameters);
        assert_ne!(other, same, "{without}");
        for run in ["other", "same"] {
            std::fs::remove_dir_all(bench.path(run)).unwrap();
        }
    }
    // But for the parts of a step, which change no bit here.
    bench.fine(&format!("train tiny.clue --out one {}", full_but("recipe.accumulate=1")));
    assert_eq!(last(&bench, "one").parameters, whole.parameters);
}

#[test]
fn the_mean_is_measured_and_given_out() {
    let bench = Bench::new();
    let sets = full_but("recipe.schedule=constant");
    let trained = bench.fine(&format!("train tiny.clue --out run {sets}")).out;
    let figures = |ran: Ran| ran.out.lines().last().unwrap().to_string();
    let mean = figures(bench.fine("eval run/last.safetensors"));
    let raw = figures(bench.fine("eval run/last.safetensors --raw"));
    let told = trained.lines().find_map(|line| line.strip_prefix("test ")).unwrap();
    assert!(mean.contains(told.strip_suffix(" after the last step").unwrap()), "{mean}: {told}");
    assert_ne!(mean, raw);
    bench.fine("export run/last.safetensors --format safetensors --out mean.safetensors");
    bench.fine("export run/last.safetensors --format safetensors --out raw.safetensors --raw");
    let read = |name| std::fs::read(bench.path(name)).unwrap();
    assert!(read("mean.safetensors") != read("raw.safetensors"));
}

#[test]
fn another_optimizer_can_not_go_on() {
    let bench = Bench::new();
    bench.fine(&format!("train tiny.clue --out run {FULL} --steps 2"));
    let adamw = "--set recipe.optimizer=adamw --set recipe.optimizer.lr=1e-3";
    assert_snapshot!(refused(&bench, &format!("train --resume run {adamw}")), @r"
    error: the checkpoint was left by another optimizer: besides the parameters it holds sgd.momentum and ema, and the recipe needs adamw.m, adamw.v and ema
      help: a run that goes on keeps its optimizer, its momentum and its ema
    ");
    let message = refused(&bench, "train --resume run --set recipe.ema=off");
    assert!(message.contains("it holds sgd.momentum and ema, and the recipe needs sgd.momentum"));
    let plain = "train --resume run --set recipe.optimizer.momentum=0 \
                 --set recipe.optimizer.nesterov=off";
    assert!(refused(&bench, plain).contains("and the recipe needs ema\n"));
}

#[test]
fn what_is_excepted_does_not_decay() {
    let bench = Bench::new();
    let end = |run: &str, sets: &str| {
        let strong = "--set recipe.optimizer.weight_decay=0.9 --set recipe.optimizer.lr=0.1 \
                      --set recipe.schedule=constant";
        bench.fine(&format!("train tiny.clue --out {run} --steps 1 {strong} {sets}"));
        last(&bench, run)
    };
    let all = end("all", "");
    let some = end("some", "--set recipe.optimizer.except=\"head.*\"");
    for (name, (a, b)) in all.names.iter().zip(all.parameters.iter().zip(some.parameters.iter())) {
        // A bias of zeros has nothing to decay.
        assert_eq!(a != b, name == "head.linear.weight" || name == "head.norm.weight", "{name}");
    }
}

#[test]
fn learning_rates_are_found() {
    let bench = Bench::new();
    let test = "lr tiny.clue --from 1e-5 --to 30 --steps 40 --format json";
    let ran = bench.fine(&format!("{test} --out lr.svg --threads 2"));
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let points = report["points"].as_array().unwrap();
    let rate = |at: usize| points[at]["lr"].as_f64().unwrap();
    assert_eq!(rate(0), 1e-5);
    assert!((rate(2) * rate(0) / (rate(1) * rate(1)) - 1.0).abs() < 1e-12, "equal factors");
    let found = report["suggestion"].as_f64().unwrap();
    let loss = |at: usize| points[at]["smooth"].as_f64().unwrap();
    let least = (0..points.len()).min_by(|a, b| loss(*a).total_cmp(&loss(*b))).unwrap();
    assert!(found <= rate(least), "up to where the loss is smallest");
    let svg = std::fs::read_to_string(bench.path("lr.svg")).unwrap();
    assert!(svg.ends_with("</svg>\n"));
    // Losses from the least one on: how they fall is what is looked for.
    assert!(svg.contains(">loss over the learning rate<") && !svg.contains("\"end\">0</text>"));
    assert_eq!(bench.fine(&format!("{test} --workers 3 --threads 1")).out, ran.out);
    let told = bench.fine("lr tiny.clue --steps 30 --from 1e-5").out;
    assert!(told.starts_with("tiny: lr ") && told.contains("falls fastest"), "{told}");
    let ran = bench.run("lr tiny.clue --from 1 --to 0.1");
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (Some(2), "error: --from is above 0 and below --to\n")
    );
}

#[test]
fn a_rate_that_is_found_is_kept() {
    let bench = Bench::new();
    let auto = "--set recipe.optimizer.lr=auto --set recipe.schedule=constant";
    let ran = bench.fine(&format!("train tiny.clue --out whole {auto} --epochs 2"));
    assert!(ran.err.contains("the learning rate that was found: "), "{}", ran.err);
    let found = last(&bench, "whole").meta.lr.unwrap().0;
    let run: serde_json::Value =
        serde_json::from_slice(&std::fs::read(bench.path("whole/run.json")).unwrap()).unwrap();
    // Numbers are rounded when they are read.
    let is_found = |lr: &serde_json::Value| (lr.as_f64().unwrap() / found - 1.0).abs() < 1e-12;
    assert!(is_found(&run["lr"]));
    assert!(bench.path("whole/lr.svg").is_file());
    let metrics = bench.metrics("whole");
    let line: serde_json::Value = serde_json::from_str(metrics.lines().next().unwrap()).unwrap();
    assert!(is_found(&line["lr"]), "{line}: {found}");
    // The same seed finds the same; going on does not search again.
    bench.fine(&format!("train tiny.clue --out parts {auto} --epochs 2 --steps 3 --threads 2"));
    assert_eq!(last(&bench, "parts").meta.lr.unwrap().0, found);
    std::fs::remove_file(bench.path("parts/lr.svg")).unwrap();
    bench.fine("train --resume parts");
    assert!(!bench.path("parts/lr.svg").exists());
    assert_eq!(last(&bench, "parts").parameters, last(&bench, "whole").parameters);
}
