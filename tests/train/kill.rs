//! The program itself, killed and interrupted while it trains.
#![cfg(unix)]

use super::{Bench, Ran};
use cluec::exec::random::{Random, Site};
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(60);

fn start(bench: &Bench, arguments: &str) -> Child {
    let mut command = bench.command(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// `scripts/kill.py` does the same a hundred times and longer.
#[test]
fn ten_kills_leave_no_trace() {
    let bench = Bench::new();
    let began = Instant::now();
    bench.fine("train tiny.clue --out whole --threads 1 --workers 1");
    let time = began.elapsed();
    // Moments that no two runs of this test share; other threads and workers each time.
    let seed = u64::from(std::process::id());
    let mut moments = Random::new(seed, 0, 0, Site::Other);
    let (mut kills, mut ends) = (0, 0);
    while kills < 10 || ends == 0 {
        // Before its first moment a run can not go on.
        let arguments = if bench.path("run/last.safetensors").exists() {
            let (threads, workers) = (1 + moments.below(3), 1 + moments.below(4));
            format!("train --resume run --threads {threads} --workers {workers}")
        } else {
            let _ = fs::remove_dir_all(bench.path("run"));
            "train tiny.clue --out run --threads 2 --workers 3".to_string()
        };
        let mut child = start(&bench, &arguments);
        let patience = if kills < 10 { time.mul_f64(moments.range(0.1, 0.8)) } else { LONG };
        let began = Instant::now();
        let ended = loop {
            match child.try_wait().unwrap() {
                None if began.elapsed() < patience => std::thread::sleep(Duration::from_millis(1)),
                ended => break ended,
            }
        };
        let Some(status) = ended else {
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
            continue;
        };
        assert!(
            status.success(),
            "seed {seed}: {}",
            Ran::from(child.wait_with_output().unwrap()).err
        );
        bench.assert_same("whole", "run");
        fs::remove_dir_all(bench.path("run")).unwrap();
        ends += 1;
    }
}

#[test]
fn an_interrupt_saves_and_says_how_to_go_on() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --epochs 40 --out whole");
    for signal in ["INT", "TERM"] {
        let run = format!("run-{signal}");
        let child = start(&bench, &format!("train tiny.clue --epochs 40 --out {run}"));
        // A first epoch is over.
        let began = Instant::now();
        while !bench.path(&run).join("best.safetensors").exists() {
            assert!(began.elapsed() < LONG);
            std::thread::sleep(Duration::from_millis(2));
        }
        let id = child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
        let ran = Ran::from(child.wait_with_output().unwrap());
        // What was trained so far is no result.
        assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
        let hint = format!("stopped and saved; go on with: cluec train --resume {run}\n");
        assert!(ran.out.ends_with(&hint), "{}", ran.out);
        assert!(ran.err.contains("stopping after this step"), "{}", ran.err);
        bench.fine(&format!("train --resume {run}"));
        bench.assert_same("whole", &run);
    }
}

#[test]
fn two_do_not_train_in_one_folder() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out run --steps 3");
    let file = std::fs::File::open(bench.path("run/metrics.jsonl")).unwrap();
    file.lock().unwrap();
    let ran = bench.run("train --resume run");
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("another cluec trains in this folder"), "{}", ran.err);
    file.unlock().unwrap();
    bench.fine("train --resume run");
}
