//! The program itself, killed and interrupted while it trains.
#![cfg(unix)]

use super::{Bench, Ran};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn start(bench: &Bench, arguments: &str) -> Child {
    let mut command = bench.command(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_killed_run_goes_on_in_the_same_bits() {
    let bench = Bench::new();
    let began = Instant::now();
    bench.fine("train tiny.clue --out whole --threads 1 --workers 1");
    let time = began.elapsed();
    // Parts of that time that no two runs of this test share; other threads and workers each time.
    let seed = u64::from(std::process::id());
    let mut moments =
        cluec::exec::random::Random::new(seed, 0, 0, cluec::exec::random::Site::Other);
    let mut arguments = "train tiny.clue --out run --threads 2 --workers 3".to_string();
    for kill in 0..5 {
        let mut child = start(&bench, &arguments);
        std::thread::sleep(time.mul_f64(moments.range(0.2, 0.9)));
        child.kill().unwrap();
        child.wait().unwrap();
        // Before its first moment a run can not go on.
        if bench.path("run/last.safetensors").exists() {
            arguments =
                format!("train --resume run --threads {} --workers {}", 1 + kill % 2, kill + 1);
        } else {
            let _ = std::fs::remove_dir_all(bench.path("run"));
        }
    }
    bench.fine(&arguments);
    bench.assert_same("whole", "run");
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
            assert!(began.elapsed() < Duration::from_secs(60));
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
