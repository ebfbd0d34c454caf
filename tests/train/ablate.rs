//! Ablations trained: everything once, whatever comes in between.

use super::Bench;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

/// A case with another network, one with another recipe, and one that is made of both.
const PARTS: &str = "use \"tiny.clue\"

ablation parts \"The parts\" of tiny {
    show params top1 top3
    case plain \"w/o refinement\" {
        mixer { refine off; fuse off; query centers }
        paper { top1 70% }
    }
    case slow { recipe.optimizer.lr 1e-3 }
    case both with plain, slow
}
";

fn bench() -> Bench {
    let bench = Bench::new();
    std::fs::write(bench.path("parts.clue"), PARTS).unwrap();
    bench
}

/// Every folder with a checkpoint below `runs/parts`, and when that was written.
fn trained(bench: &Bench) -> BTreeMap<String, SystemTime> {
    let Ok(entries) = std::fs::read_dir(bench.path("runs/parts")) else { return BTreeMap::new() };
    let runs = entries.filter_map(|entry| {
        let path = entry.unwrap().path();
        let about = std::fs::metadata(path.join("last.safetensors")).ok()?;
        Some((path.file_name()?.to_str()?.to_string(), about.modified().unwrap()))
    });
    runs.collect()
}

const ALL: [&str; 4] = ["parts.both-5", "parts.plain-5", "parts.slow-5", "tiny-5"];

/// What `cluec runs` says of every run, by name.
fn states(bench: &Bench) -> BTreeMap<String, String> {
    let json: serde_json::Value =
        serde_json::from_str(&bench.fine("runs --format json").out).unwrap();
    let runs = json["runs"].as_array().unwrap().iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_string();
    runs.map(|run| (text(&run["name"]), text(&run["state"]))).collect()
}

#[test]
fn every_case_is_trained_with_every_seed_into_tables_and_a_chart() {
    let bench = bench();
    let command = "ablate parts.clue --train --epochs 1 --seeds 2 --jobs 2 --format json";
    let ran = bench.fine(command);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let rows = json["ablations"][0]["rows"].as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["tiny", "plain", "slow", "both"]);
    for row in rows {
        let runs = row["runs"].as_array().unwrap();
        let seeds: Vec<_> = runs.iter().map(|run| run["seed"].as_u64().unwrap()).collect();
        assert_eq!(seeds, [5, 6], "{row}");
        let top1: Vec<f64> =
            runs.iter().map(|run| run["measured"]["top1"].as_f64().unwrap()).collect();
        let mean = (top1[0] + top1[1]) / 2.0;
        assert!((row["values"]["top1"].as_f64().unwrap() - mean).abs() < 1e-12, "{row}");
        let deviation = (top1[0] - top1[1]).abs() / 2f64.sqrt();
        assert!((row["deviations"]["top1"].as_f64().unwrap() - deviation).abs() < 1e-12, "{row}");
    }
    assert_eq!(rows[2]["differs"]["recipe"], true);
    assert_eq!(rows[1]["differs"]["recipe"], false);
    assert_eq!(rows[1]["paper"]["top1"], 0.7);
    assert_eq!(trained(&bench).len(), 8);

    // A link of the table leads to the run, from where the table lies.
    let folder = bench.path("runs/parts");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    for (file, link) in [
        ("parts.md", "[5](<parts.slow-5>) [6](<parts.slow-6>)"),
        ("parts.tex", "(\\href{parts.slow-5}{5} \\href{parts.slow-6}{6})"),
        ("parts.tex", "top-1 (\\%) & $\\Delta$"),
        ("parts.svg", "<a href=\"parts.slow-6\">"),
        ("parts.csv", "parts.slow-5 parts.slow-6"),
    ] {
        assert!(read(file).contains(link), "{file}: {}", read(file));
    }
    assert!(read("parts.md").contains("slow (other recipe)"), "{}", read("parts.md"));
    assert!(read("parts.svg").contains("the paper: 70.00"), "{}", read("parts.svg"));

    // Once more: nothing is trained, the answer is the same.
    let before = trained(&bench);
    let again = bench.fine(command);
    assert_eq!(again.out, ran.out);
    assert_eq!(trained(&bench), before);
    // The same network trained by itself is known, too, whatever its name.
    bench.fine("train parts.clue parts slow --epochs 1 --out runs/mine");
    std::fs::remove_dir_all(bench.path("runs/parts/parts.slow-5")).unwrap();
    let again = bench.fine(command);
    let json: serde_json::Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!(json["ablations"][0]["rows"][2]["runs"][0]["folder"], "runs/mine");
    assert!(read("parts.md").contains("[5](<../mine>)"), "{}", read("parts.md"));
}

/// A file and its model share a name: cases are trained beside the model's run, which is used, not in it.
#[test]
fn no_case_is_trained_in_the_folder_of_a_run() {
    let bench = Bench::new();
    let cases = "ablation q of tiny { case slow { recipe.optimizer.lr 1e-3 } }\n";
    std::fs::write(bench.path("tiny.clue"), super::TINY.to_string() + cases).unwrap();
    bench.fine("train tiny.clue tiny --epochs 1");
    let command = "ablate tiny.clue --train --epochs 1";
    let first = bench.fine(command);
    let states = states(&bench);
    assert_eq!(states.keys().collect::<Vec<_>>(), ["tiny", "tiny-2/q.slow-5"]);
    let table = std::fs::read_to_string(bench.path("runs/tiny-2/q.md")).unwrap();
    assert!(table.contains("](<../tiny>)"), "{table}");
    let again = bench.fine(command);
    assert_eq!(again.out, first.out);
    assert!(!again.err.contains(" in runs"), "trained again: {}", again.err);
}

/// A run that went on with other settings is the result of no text, and says so.
#[test]
fn a_run_that_changed_on_the_way_is_no_result() {
    let bench = Bench::new();
    let cases = "ablation q of tiny { case slow { recipe.optimizer.lr 1e-3 } }\n";
    std::fs::write(bench.path("tiny.clue"), super::TINY.to_string() + cases).unwrap();
    bench.fine("train tiny.clue tiny --steps 8");
    let ran = bench.fine("train --resume runs/tiny --set recipe.optimizer.lr=1e-3");
    assert!(ran.err.contains("from step 9 on with other settings or images"), "{}", ran.err);
    // It stays so, also when it goes on with the same.
    bench.fine("train --resume runs/tiny");
    let json: serde_json::Value =
        serde_json::from_str(&bench.fine("ablate tiny.clue --train --format json --in runs").out)
            .unwrap();
    let slow = &json["ablations"][0]["rows"][1];
    assert_eq!(slow["runs"][0]["folder"], "runs/tiny-2/q.slow-5", "{slow}");
    let listed = bench.fine("runs").out;
    assert!(listed.contains("finished, changed at 8"), "{listed}");
    assert!(bench.fine("runs show tiny").out.contains("at step 8"), "{listed}");
    // The same settings said once more change nothing.
    bench.fine("train tiny.clue tiny --steps 8 --out runs/same");
    bench.fine("train --resume runs/same --steps 9 --set recipe.optimizer.lr=3e-3");
    assert!(!bench.fine("runs show same").out.contains("changed"));
}

#[test]
fn killed_it_goes_on_and_repeats_nothing() {
    let whole = bench();
    let command = "ablate parts.clue --train --epochs 6 --threads 1";
    whole.fine(command);
    let bench = bench();
    let mut child =
        bench.command(command).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // The first run is over, the second under way.
    let began = Instant::now();
    while trained(&bench).len() < 2 {
        assert!(began.elapsed() < Duration::from_secs(120));
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = trained(&bench);
    let states = states(&bench);
    assert_eq!(states["parts/tiny-5"], "finished");
    assert!(["killed", "finished"].contains(&states["parts/parts.plain-5"].as_str()), "{states:?}");

    bench.fine(command);
    let after = trained(&bench);
    assert_eq!(after.keys().collect::<Vec<_>>(), ALL);
    assert_eq!(after["tiny-5"], before["tiny-5"], "trained again");
    for run in ALL {
        let run = format!("runs/parts/{run}");
        assert_eq!(whole.metrics(&run), bench.metrics(&run), "{run}");
        let read =
            |bench: &Bench| std::fs::read(bench.path(&run).join("last.safetensors")).unwrap();
        assert!(read(&whole) == read(&bench), "{run}");
    }
}

#[test]
fn a_case_that_fails_is_told_and_stops_no_other() {
    let bench = Bench::new();
    let text = "use \"tiny.clue\"\nablation parts of tiny {\n\
                case lost { data image_folders { files \"nowhere\"; train {} } }\n\
                case slow { recipe.optimizer.lr 1e-3 }\n}\n";
    std::fs::write(bench.path("parts.clue"), text).unwrap();
    let ran = bench.run("ablate parts.clue --train --epochs 1");
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("lost, seed 5:"), "{}", ran.err);
    assert!(ran.out.contains("1 not finished"), "{}", ran.out);
    assert_eq!(trained(&bench).keys().collect::<Vec<_>>(), ["parts.slow-5", "tiny-5"]);
    assert!(ran.err.contains("nowhere"), "{}", ran.err);
    // What never began has no folder.
    let states = states(&bench);
    assert_eq!(states.keys().collect::<Vec<_>>(), ["parts/parts.slow-5", "parts/tiny-5"]);
    assert_eq!(states["parts/parts.slow-5"], "finished");
    // Nor has what does not take the images.
    let wide = text.replace("data image_folders { files \"nowhere\"; train {} }", "input 32x32");
    std::fs::write(bench.path("parts.clue"), wide).unwrap();
    let ran = bench.run("ablate parts.clue --train --epochs 1");
    assert!(ran.err.contains("the model takes images of 32x32"), "{}", ran.err);
    assert!(!bench.path("runs/parts/parts.lost-5").exists());
}

/// Seeds are counted up from the one that is set, which is said once.
#[test]
fn seeds_begin_where_they_are_set() {
    let bench = bench();
    let ran = bench.fine(
        "ablate parts.clue --train --epochs 1 --steps 1 --seeds 2 --set recipe.seed=7 --format json",
    );
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    for row in json["ablations"][0]["rows"].as_array().unwrap() {
        let runs = row["runs"].as_array().unwrap().iter();
        assert_eq!(runs.map(|run| run["seed"].as_u64().unwrap()).collect::<Vec<_>>(), [7, 8]);
    }
}

/// A case that has a seed of its own counts up from that.
#[test]
fn seeds_of_a_case_begin_at_its_own() {
    let bench = Bench::new();
    let cases = "ablation q of tiny { case other { recipe.seed 9 } }\n";
    std::fs::write(bench.path("tiny.clue"), super::TINY.to_string() + cases).unwrap();
    let ran = bench.fine("ablate tiny.clue --train --steps 1 --seeds 2 --format json");
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    for (row, expected) in [[5, 6], [9, 10]].into_iter().enumerate() {
        let runs = json["ablations"][0]["rows"][row]["runs"].as_array().unwrap().iter();
        assert_eq!(runs.map(|run| run["seed"].as_u64().unwrap()).collect::<Vec<_>>(), expected);
    }
}

/// A label is a cell of a table, whatever is in it.
#[test]
fn a_label_of_two_lines_stays_in_its_cell() {
    let bench = Bench::new();
    let cases = "ablation q of tiny { case slow \"so\\nslow\" { recipe.optimizer.lr 1e-3 } }\n";
    std::fs::write(bench.path("tiny.clue"), super::TINY.to_string() + cases).unwrap();
    let table = bench.fine("ablate tiny.clue --format markdown").out;
    assert!(table.contains("| so slow (other recipe) |"), "{table}");
    let table = bench.fine("ablate tiny.clue --format latex").out;
    assert!(table.contains("so slow (other recipe) &"), "{table}");
}

#[test]
fn two_at_once_share_the_work() {
    let bench = bench();
    let command = "ablate parts.clue --train --epochs 2 --threads 1";
    let children: Vec<_> = (0..2)
        .map(|_| {
            let mut command = bench.command(command);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let answers: Vec<_> = children
        .into_iter()
        .map(|child| super::Ran::from(child.wait_with_output().unwrap()))
        .collect();
    for ran in &answers {
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    }
    assert_eq!(answers[0].out, answers[1].out);
    assert_eq!(trained(&bench).keys().collect::<Vec<_>>(), ALL);
    let begun = |ran: &super::Ran| ran.err.matches(" in runs").count();
    assert_eq!(begun(&answers[0]) + begun(&answers[1]), ALL.len(), "each once");
}

#[test]
fn without_ablations_it_says_so() {
    let bench = Bench::new();
    let ran = bench.run("ablate tiny.clue");
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("there is no ablation in tiny.clue"), "{}", ran.err);
    assert!(!Path::new(&bench.path("runs")).exists());
}
