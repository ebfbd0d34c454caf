//! What a run tells other programs: a table, an event file for TensorBoard, what is taken for what.

use super::Bench;
use crate::weights::python;
use cluec::train::{Confusion, Mistake};
use insta::assert_snapshot;
use std::fs;

/// The table without what depends on the clock.
fn table(bench: &Bench, run: &str) -> String {
    let text = fs::read_to_string(bench.path(run).join("metrics.csv")).unwrap();
    let timeless = |line: &str| {
        let cells = line.split(',').enumerate().filter(|(column, _)| *column != 8);
        cells.map(|(_, cell)| cell).collect::<Vec<&str>>().join(",") + "\n"
    };
    text.lines().map(timeless).collect()
}

#[test]
fn the_metrics_are_a_table_that_an_interruption_leaves_whole() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out whole");
    let whole = table(&bench, "whole");
    assert_eq!(
        whole.lines().next(),
        Some("kind,step,epoch,loss,top1,top3,lr,broken,skipped,loss_scale,overflowed")
    );
    assert_eq!(whole.lines().count(), 1 + bench.metrics("whole").lines().count());
    assert!(whole.lines().all(|line| line.matches(',').count() == 10), "{whole}");
    // Resumed from a checkpoint that knows less than what was written.
    bench.fine("train tiny.clue --out parts --steps 7");
    let early = fs::read(bench.path("parts/last.safetensors")).unwrap();
    bench.fine("train --resume parts --steps 14");
    fs::write(bench.path("parts/last.safetensors"), early).unwrap();
    bench.fine("train --resume parts");
    assert_eq!(table(&bench, "parts"), whole);
}

const READ: &str = "
import sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1]).Reload()
for tag in sorted(events.Tags()['scalars']):
    if 'images_per_second' not in tag:
        print(tag, [(e.step, f'{e.value:.6g}') for e in events.Scalars(tag)])
";

#[test]
fn tensorboard_reads_every_step_once() {
    let Some(mut python) = python("tensorboard.backend.event_processing.event_accumulator") else {
        return;
    };
    let bench = Bench::new();
    bench.fine("train tiny.clue --out run --steps 10");
    bench.fine("train --resume run --steps 17");
    let output = python.args(["-c", READ]).arg(bench.path("run")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let records: Vec<serde_json::Value> = fs::read_to_string(bench.path("run/metrics.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for (tag, kind, name) in
        [("eval/loss", "eval", "loss"), ("train/lr", "train", "lr"), ("eval/top3", "eval", "top3")]
    {
        let points = records.iter().filter(|record| record["kind"] == kind).map(|record| {
            // As Python prints a number of 32 bits to six digits, so does the shortest form of it.
            (record["step"].as_u64().unwrap(), record[name].as_f64().unwrap() as f32)
        });
        let line = said.lines().find(|line| line.starts_with(&format!("{tag} "))).expect(tag);
        let points: Vec<(u64, f32)> = points.collect();
        assert_eq!(line.matches('(').count(), points.len(), "{line}");
        for (step, value) in points {
            let at = line.find(&format!("({step}, '")).unwrap_or_else(|| panic!("{step}: {line}"));
            let found: f32 = line[at..].split('\'').nth(1).unwrap().parse().unwrap();
            assert!((found - value).abs() <= 1e-5 * value.abs(), "{found} {value}");
        }
    }
}

#[test]
fn what_is_taken_for_what_is_counted() {
    let mut confusion = Confusion::new(3);
    confusion.add(&[0.0, 1.0, 1.0], 2);
    confusion.add(&[0.0, 1.0, 0.5], 2);
    confusion.add(&[0.0, f32::NAN, 0.5], 2);
    confusion.add(&[1.0, 0.0, 0.0], 1);
    confusion.add(&[f32::NAN; 3], 0);
    let rows: Vec<&[u64]> = confusion.rows().collect();
    assert_eq!(rows, [[0, 0, 0], [1, 0, 0], [0, 2, 1]]);
    let mistake = |class, predicted, images, of| Mistake { class, predicted, images, of };
    assert_eq!(confusion.mistakes(), [mistake(2, 1, 2, 3), mistake(1, 0, 1, 1)]);
    assert_snapshot!(confusion.svg(&["a".into(), "b & c".into(), "<d>".into()]));
    // Of a hundred classes every second has its name at both axes.
    let names: Vec<String> = (0..100).map(|class| format!("class {class}")).collect();
    let svg = Confusion::new(100).svg(&names);
    let labels = [0, 1, 98].map(|class| svg.matches(&format!(">class {class}<")).count());
    assert_eq!(labels, [2, 0, 2]);
}

#[test]
fn eval_draws_and_lists_what_is_confused() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out run");
    let said = bench.fine("eval run/last.safetensors --confusion confusion.svg").out;
    let (_, table) = said.split_once("\n\n").expect(&said);
    let head: Vec<&str> = table.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(head, ["class", "taken", "for", "images", "of"]);
    assert!(fs::read_to_string(bench.path("confusion.svg")).unwrap().starts_with("<svg"));
    let json = bench.fine("eval run/last.safetensors --format json").out;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let right: u64 = (0..4).map(|i| json["confusion"][i][i].as_u64().unwrap()).sum();
    let told: u64 = (0..4).map(|i| json["per_class"][i]["right"].as_u64().unwrap()).sum();
    assert_eq!(right, told);
}

/// What a terminal is shown while the model trains, frame by frame, without its orders to the cursor.
#[cfg(unix)]
fn frames(columns: u16, environment: &[(&str, &str)]) -> (String, Vec<String>) {
    let bench = Bench::new();
    let (file, out) = (bench.path("tiny.clue"), bench.path("run"));
    let arguments = ["train", file.to_str().unwrap(), "--out", out.to_str().unwrap()];
    let shown = crate::cli::terminal::shown(&arguments, columns, environment);
    let orders = fancy_regex::Regex::new("\u{1b}\\[[0-9;?]*[A-Za-z]").unwrap();
    let plain = orders.replace_all(&shown, "\r").into_owned();
    let frames = plain.split(['\r', '\n']).map(|line| line.trim_end().to_string());
    let frames = frames.filter(|line| !line.is_empty()).collect();
    (shown, frames)
}

#[cfg(unix)]
#[test]
fn a_terminal_is_shown_a_bar_with_all_that_counts() {
    let (shown, lines) = frames(140, &[]);
    let live: Vec<&String> = lines.iter().filter(|line| line.contains("/28 eta ")).collect();
    let told = live.iter().find(|line| line.contains("images/s")).expect(&shown);
    for what in ["█", "epoch ", "loss ", "top-1 ", "lr ", " MiB"] {
        assert!(told.contains(what), "{what}: {told}");
    }
    // What happened at the end of an epoch stays.
    assert_eq!(
        lines.iter().filter(|line| line.starts_with("epoch 2 of 4: ")).count(),
        1,
        "{shown}"
    );
}

#[cfg(unix)]
#[test]
fn a_narrow_terminal_is_shown_no_more_than_it_has_room_for() {
    use unicode_width::UnicodeWidthStr;
    let (shown, lines) = frames(44, &[("NO_COLOR", "1")]);
    // Lines that stay are wrapped by the terminal, and what is drawn after them follows.
    let live = lines.iter().filter(|line| line.contains("/28 eta ") && !line.starts_with("epoch "));
    let live: Vec<&String> = live.collect();
    assert!(!live.is_empty(), "{shown}");
    assert!(live.iter().all(|line| line.width() <= 44), "{live:?}");
    // No color.
    let color = fancy_regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    assert!(!color.is_match(&shown).unwrap(), "{shown:?}");
}

#[test]
fn a_pipe_is_told_in_plain_lines() {
    let bench = Bench::new();
    let said = bench.fine("train tiny.clue --out run").err;
    assert!(!said.contains(['\u{1b}', '\r']), "{said}");
    let line = said.lines().next().unwrap();
    for what in ["step 7 of 28, epoch 1: loss ", "top-1 ", " images/s", "s left"] {
        assert!(line.contains(what), "{what}: {line}");
    }
    assert!(!cfg!(target_os = "linux") || line.contains(" MiB"), "{line}");
}

#[test]
fn how_clusters_are_used_is_recorded_at_every_evaluation() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out run --steps 14");
    let lines = bench.metrics("run");
    let records =
        lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let mut evaluations = 0;
    for record in records {
        let names: Vec<&str> = match record["clusters"].as_object() {
            Some(clusters) => clusters.keys().map(String::as_str).collect(),
            None => Vec::new(),
        };
        let known: &[&str] = match record["kind"].as_str() {
            Some("eval") => &[
                "stage1.block1.agreement",
                "stage1.block1.dead",
                "stage1.block1.entropy",
                "stage1.block1.occupancy",
            ],
            _ => &[],
        };
        assert_eq!(names, known, "{record}");
        evaluations += usize::from(!known.is_empty());
    }
    assert_eq!(evaluations, 2);
    // TensorBoard's tags are in the event file as they are.
    let events = fs::read(bench.path("run/events.out.tfevents.0.cluec")).unwrap();
    let tag = b"clusters/stage1.block1.entropy";
    assert_eq!(events.windows(tag.len()).filter(|part| part == tag).count(), 2);
}
