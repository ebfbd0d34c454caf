//! `cluec verify-resume`: what it compares, and that it would find a difference.

use super::{Bench, TINY, model};
use cluec::exec::Batch;
use cluec::exec::random::{Random, Site};
use cluec::exec::reference::{Reference, ReferenceTrainer};
use cluec::passes::Method;
use cluec::train::rehearsal::{Compared, Difference, How, Rehearsal, Stretch};
use cluec::train::{Batches, Checkpoint, Fed, Fit, Meta, Schedule, State, TrainError};
use insta::assert_snapshot;
use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::AtomicBool;

/// Everything in a folder.
fn contents(bench: &Bench, run: &str) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(bench.path(run)).unwrap().map(|entry| entry.unwrap());
    let read = |file: fs::DirEntry| {
        (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())
    };
    files.map(read).collect()
}

/// Hashes are of the machine's own arithmetic.
fn masked(text: &str) -> String {
    let words = text.split_inclusive(char::is_whitespace);
    words
        .map(|word| match word.trim_end() {
            hash if hash.len() == 16 && hash.chars().all(|c| c.is_ascii_hexdigit()) => {
                word.replace(hash, "HASH")
            }
            _ => word.to_string(),
        })
        .collect()
}

#[test]
fn a_file_is_rehearsed_from_its_beginning() {
    let bench = Bench::new();
    let ran = bench.fine("verify-resume tiny.clue --threads 2 --workers 1");
    assert_snapshot!(masked(&format!("{}{}", ran.err, ran.out)));
    // All weights are the same.
    let hashes: Vec<&str> = ran.out.lines().filter_map(|l| l.split("weights ").nth(1)).collect();
    assert_eq!(hashes.len(), 3);
    assert!(hashes.iter().all(|hash| hash[..16] == hashes[0][..16]), "{}", ran.out);
    // Nothing is left where it was called.
    assert_eq!(contents(&bench, ".").keys().collect::<Vec<_>>(), ["tiny.clue"]);
}

#[test]
fn it_ends_in_the_same_bits_in_16_bits_too() {
    let bench = Bench::new();
    for precision in ["bf16", "fp16"] {
        let set = format!("--set recipe.precision={precision}");
        let ran = bench.fine(&format!("verify-resume tiny.clue --steps 6 {set}"));
        assert!(ran.out.contains("equal to the bit"), "{precision}: {}", ran.out);
    }
}

#[test]
fn a_run_is_rehearsed_from_its_weights_and_left_alone() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out run --steps 17");
    let before = contents(&bench, "run");
    let ran = bench.fine("verify-resume run --at 3,4 --steps 6 --seed 7 --format json");
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["equal"], true);
    assert_eq!(json["from_step"], 17);
    assert_eq!(json["interrupted_after"], serde_json::json!([3, 4]));
    let ways: Vec<&str> = (0..3).map(|i| json["legs"][i]["how"].as_str().unwrap()).collect();
    assert_eq!(ways, ["straight", "stopped", "killed"]);
    // What a kill loses is done again.
    assert!(json["legs"][2]["steps"].as_u64() > json["legs"][1]["steps"].as_u64());
    assert!(contents(&bench, "run") == before);
    // A run at its end, and a checkpoint by itself.
    bench.fine("train --resume run");
    bench.fine("verify-resume run --steps 3 --interruptions 1");
    bench.fine("verify-resume run/best.safetensors --steps 3 --interruptions 1");
}

#[test]
fn what_can_not_be_rehearsed_is_said() {
    let bench = Bench::new();
    let refused = |arguments: &str, code| {
        let ran = bench.run(arguments);
        assert_eq!(ran.code, Some(code), "{arguments}: {}{}", ran.out, ran.err);
        ran.err
    };
    let outside = refused("verify-resume tiny.clue --at 10", 2);
    assert!(outside.contains("--at 10 is not within the 10 steps"), "{outside}");
    let none = refused("verify-resume tiny.clue --set recipe=off", 2);
    assert!(none.contains("has no recipe"), "{none}");
    assert!(refused("verify-resume nowhere.safetensors", 1).contains("No such file"));
}

/// The same few batches in every epoch.
struct Same(Vec<Batch>);

impl Same {
    fn new(batches: u64) -> Same {
        let mut random = Random::new(1, 0, 0, Site::Other);
        let mut batch = || Batch {
            images: (0..4 * 16 * 16 * 3).map(|_| random.normal() as f32).collect(),
            labels: vec![0, 1, 2, 3],
            ..Batch::default()
        };
        Same((0..batches).map(|_| batch()).collect())
    }
}

impl Batches for Same {
    fn per_epoch(&self) -> u64 {
        self.0.len() as u64
    }

    fn epoch(&self, _: u64, first: u64) -> Box<dyn Iterator<Item = Result<Fed, String>> + '_> {
        let batches = self.0[first as usize..].iter();
        Box::new(batches.map(|batch| Ok(Fed { batch: batch.clone(), broken: 0 })))
    }
}

/// What a resumption gets wrong.
type Fault = fn(&mut State);

fn rehearse(fault: Fault) -> Compared {
    let model = model(TINY, &[]);
    let (graph, recipe) = (model.graph.unwrap(), model.recipe.unwrap());
    let names: Vec<String> = graph.params.iter().map(|p| p.name.clone()).collect();
    let begin = State::fresh(&graph, &recipe, 20, vec![String::new(); 4]);
    let mut meta = Meta { ..begin.meta.clone() };
    let rehearsal = Rehearsal::new(6, 5, 4, &mut meta).at(vec![2, 4]);
    assert_eq!((rehearsal.steps, rehearsal.per_epoch), (6, 3));
    let root = tempfile::tempdir().unwrap();
    let train = |stretch: &Stretch| -> Result<_, TrainError> {
        let last = stretch.folder.last();
        let mut state = begin.clone();
        if last.exists() {
            let saved = Checkpoint::load(&last)?.fitted(&graph)?;
            state = State::resumed(saved, &graph, &recipe)?;
            fault(&mut state);
        }
        let State { parameters, optimizer, meta } = state;
        let reference = Reference::new(graph.clone(), 1).unwrap();
        let mut trainer = ReferenceTrainer { reference, parameters, optimizer };
        let fit = Fit {
            method: Method::of(Some(&recipe)),
            train: &Same::new(5),
            test: &Same::new(2),
            watch: None,
            schedule: Schedule::of(&recipe, None),
            mix: None,
            epochs: 4,
            max_steps: None,
            folder: &stretch.folder,
            graph: &graph,
            names: names.clone(),
            shapes: graph.params.iter().map(|p| p.shape.clone()).collect(),
            stop: &AtomicBool::new(false),
            quiet: true,
        };
        stretch.run(fit, &mut trainer, meta)
    };
    rehearsal.run(root.path(), &names, [1, 1], train).unwrap()
}

#[test]
fn a_difference_is_named_by_step_and_tensor() {
    let sound = rehearse(|_| {});
    assert!(sound.equal(), "{sound:?}");
    let found = |fault: Fault| -> Vec<Difference> {
        let compared = rehearse(fault);
        assert!(!compared.equal() && compared.legs[0].how == How::Straight);
        compared.legs[1..].iter().map(|leg| leg.difference.clone().unwrap()).collect()
    };
    // Stopped after two steps, it is the third that differs; killed in the third, it begins anew
    // with moments of zero, and what it lost shows when it is killed again after an epoch of three.
    let lost = found(|state| state.optimizer.kept[0][1].fill(0.0));
    assert_eq!(lost[0].to_string(), "`embed.conv.bias` from step 3 on");
    assert_eq!(lost[1].to_string(), "`embed.conv.bias` from step 4 on");
    // A number that is not used before the end.
    let stands = found(|state| state.meta.train_images += 1);
    assert_eq!(
        stands[0].to_string(),
        "where the run stands in last.safetensors, after equal steps"
    );
    let line = found(|state| state.meta.window.right += 1);
    assert_eq!(line[0].step, None);
}
