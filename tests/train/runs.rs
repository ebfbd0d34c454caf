//! The index of runs: a helper that may be lost, written by many.

use super::Bench;
use std::process::Stdio;

/// Two runs that finished and one that failed.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.fine("train tiny.clue --steps 3");
    bench.fine("train tiny.clue --steps 3 --seed 6 --set mixer.fuse=fixed");
    let huge = "train tiny.clue --steps 30 --set recipe.optimizer.lr=1e30";
    assert_eq!(bench.run(huge).code, Some(1));
    bench
}

/// The listing without what depends on the clock.
fn listed(bench: &Bench) -> String {
    let json: serde_json::Value =
        serde_json::from_str(&bench.fine("runs list --format json").out).unwrap();
    let runs = json["runs"].as_array().unwrap().iter().map(|run| {
        let mut run = run.clone();
        for key in ["began", "ended"] {
            assert!(run.as_object_mut().unwrap().remove(key).is_some(), "{run}");
        }
        format!("{run}\n")
    });
    runs.collect()
}

#[test]
fn runs_are_listed_shown_and_compared() {
    let bench = bench();
    let list = bench.fine("runs").out;
    let lines: Vec<Vec<&str>> =
        list.lines().map(|line| line.split_whitespace().collect()).collect();
    let states: Vec<_> = lines.iter().map(|words| words[..3].to_vec()).collect();
    assert_eq!(
        states,
        [
            ["run", "model", "state"],
            ["tiny", "tiny", "finished"],
            ["tiny-2", "tiny", "finished"],
            ["tiny-3", "tiny", "failed"]
        ]
    );
    let few = bench.fine("runs list --state failed").out;
    assert_eq!(few.lines().count(), 2, "{few}");
    let csv = bench.fine("runs list --format csv --model tiny").out;
    assert!(csv.starts_with("run,model,ablation,state,seed,top1,"), "{csv}");
    assert_eq!(csv.lines().count(), 4, "{csv}");
    let shown = bench.fine("runs show tiny-3").out;
    assert!(shown.contains("error") && shown.contains("NaN at step"), "{shown}");
    // By folder, too.
    assert!(bench.fine("runs show runs/tiny").out.contains("finished"));
    let compared = bench.fine("runs compare tiny tiny-2").out;
    for row in ["mixer.fuse   gate", "recipe.seed  5", "params"] {
        assert!(compared.contains(row), "{compared}");
    }
    assert!(!compared.contains("recipe.batch"), "{compared}");
    // Programs and spreadsheets get numbers.
    let csv = bench.fine("runs compare tiny tiny-2 --format csv").out;
    for name in ["recipe.seed", "params", "MACs", "top-1", "top-3", "loss"] {
        let row = csv.lines().find_map(|line| line.strip_prefix(&format!("{name},"))).expect(&csv);
        assert!(row.split(',').all(|cell| cell.parse::<f64>().is_ok()), "{name}: {row}");
    }
    let json = bench.fine("runs compare tiny tiny-2 --format json").out;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["rows"]["recipe.seed"], serde_json::json!([5, 6]));
    assert_eq!(json["rows"]["mixer.fuse"], serde_json::json!(["gate", "fixed"]));
    assert!(json["rows"]["top-1"][0].is_f64() && json["rows"]["params"][1].is_u64(), "{json}");
    let ran = bench.run("runs show tinny");
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("there is no run tinny; did you mean tiny?"), "{}", ran.err);
}

#[test]
fn prune_says_what_it_would_remove_and_removes_it_when_told() {
    let bench = bench();
    let said = bench.fine("runs prune").out;
    assert!(said.starts_with("tiny-3  failed  "), "{said}");
    assert!(said.contains("remove with --yes"), "{said}");
    assert!(bench.path("runs/tiny-3").exists());
    bench.fine("runs prune --yes");
    assert!(!bench.path("runs/tiny-3").exists());
    assert_eq!(bench.fine("runs prune").out, "nothing to remove\n");
    bench.fine("runs prune tiny --yes");
    assert_eq!(bench.fine("runs").out.lines().count(), 2);
}

#[test]
fn a_run_in_the_folder_of_another_one_is_listed_and_not_removed_with_it() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --steps 2");
    bench.fine("train tiny.clue --steps 3 --out runs/tiny/again");
    assert!(bench.fine("runs").out.contains("tiny/again"));
    let ran = bench.run("runs prune tiny --yes");
    assert_eq!(ran.code, Some(2), "{}", ran.out);
    assert!(ran.err.contains("in the folder of tiny lies another run, tiny/again"), "{}", ran.err);
    assert!(bench.path("runs/tiny/again/last.safetensors").exists());
}

#[test]
fn a_run_is_found_by_its_folder_wherever_that_lies() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --steps 2 --out elsewhere/one");
    // Without a folder of runs, and with one.
    for _ in 0..2 {
        assert!(bench.fine("runs show elsewhere/one").out.contains("finished"));
        bench.fine("train tiny.clue --steps 2");
    }
    bench.fine("runs compare elsewhere/one tiny");
    bench.fine("runs prune elsewhere/one --yes");
    assert!(!bench.path("elsewhere/one").exists());
}

#[test]
fn a_run_that_is_named_twice_is_removed_once() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --steps 2");
    let said = bench.fine("runs prune tiny runs/tiny --yes").out;
    assert!(said.contains("one run removed"), "{said}");
    assert!(!bench.path("runs/tiny").exists());
}

/// A disk that is full, or can not be written: here the index is a folder.
#[test]
fn without_an_index_runs_are_listed_from_their_folders() {
    let bench = bench();
    let before = listed(&bench);
    std::fs::remove_file(bench.path("runs/index.sqlite")).unwrap();
    std::fs::create_dir(bench.path("runs/index.sqlite")).unwrap();
    assert_eq!(listed(&bench), before);
    let ran = bench.fine("runs");
    assert!(ran.err.contains("the runs are looked up in their folders"), "{}", ran.err);
    bench.fine("runs prune tiny-3 --yes");
    assert!(!bench.path("runs/tiny-3").exists());
}

#[test]
fn a_damaged_run_is_named() {
    let bench = bench();
    std::fs::write(bench.path("runs/tiny/run.json"), r#"{"key": "#).unwrap();
    let ran = bench.fine("runs");
    assert_eq!(ran.out.lines().count(), 3, "{}", ran.out);
    let told = "warning: a damaged run is not listed: runs/tiny/run.json can not be read";
    assert!(ran.err.contains(told), "{}", ran.err);
    // Its checkpoints are whole: it goes on, and says anew what it is.
    bench.fine("train --resume runs/tiny --steps 4");
    assert_eq!(bench.fine("runs").out.lines().count(), 4);
}

#[test]
fn a_lost_or_broken_index_is_built_from_the_folders() {
    let bench = bench();
    let before = listed(&bench);
    assert_eq!(before.lines().count(), 3);
    let index = bench.path("runs/index.sqlite");
    std::fs::remove_file(&index).unwrap();
    assert_eq!(listed(&bench), before);
    std::fs::write(&index, "no database at all, but long enough to look like one").unwrap();
    assert_eq!(listed(&bench), before);
    // What goes without a word is gone, what comes is there.
    std::fs::rename(bench.path("runs/tiny"), bench.path("runs/moved")).unwrap();
    let names = listed(&bench);
    assert!(names.contains("\"moved\"") && !names.contains("\"tiny\",\"folder\""), "{names}");
}

#[test]
fn many_processes_write_at_once() {
    let bench = Bench::new();
    let start = |arguments: &str| {
        let mut command = bench.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    // They make the folder and the index together, and readers look in between.
    let mut children: Vec<_> = (0..6)
        .map(|seed| start(&format!("train tiny.clue --steps 2 --threads 1 --seed {seed}")))
        .collect();
    std::fs::create_dir_all(bench.path("runs")).unwrap();
    children.extend((0..4).map(|_| start("runs --format csv")));
    for child in children {
        let ran = super::Ran::from(child.wait_with_output().unwrap());
        assert_eq!((ran.code, ran.err.contains("warning")), (Some(0), false), "{}", ran.err);
    }
    let index = rusqlite::Connection::open(bench.path("runs/index.sqlite")).unwrap();
    let count = "SELECT count(*), count(DISTINCT seed), count(top1) FROM runs";
    let counts: (u32, u32, u32) =
        index.query_row(count, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    assert_eq!(counts, (6, 6, 6));
}
