//! `cluec bench`: what it measures, and how it tells. Never how fast.

use super::Bench;

#[test]
fn the_papers_protocol_is_passes_over_the_test_images() {
    let bench = Bench::new();
    let said = bench.fine("bench tiny.clue --paper --batch 8 --steps 1 --format json").out;
    let lines: Vec<serde_json::Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [passes, train] = &lines[..] else { panic!("{said}") };
    assert_eq!((&passes["mode"], &train["mode"]), (&"passes".into(), &"train".into()));
    assert_eq!((passes["passes"].as_u64(), passes["dropped"].as_u64()), (Some(7), Some(2)));
    assert_eq!(passes["images"], 20);
    for way in ["with_loading", "without_loading"] {
        let rates = passes[way]["passes"].as_array().unwrap();
        let rates: Vec<f64> = rates.iter().map(|rate| rate.as_f64().unwrap()).collect();
        assert_eq!(rates.len(), 5);
        // Of the population: divided by their number.
        let mean = rates.iter().sum::<f64>() / 5.0;
        let deviation = (rates.iter().map(|rate| (rate - mean).powi(2)).sum::<f64>() / 5.0).sqrt();
        let near = |a: &serde_json::Value, b: f64| (a.as_f64().unwrap() - b).abs() <= 1e-9 * mean;
        assert!(near(&passes[way]["mean"], mean) && near(&passes[way]["deviation"], deviation));
    }
    assert!(!cfg!(target_os = "linux") || passes["peak_bytes"].as_u64().unwrap() > 1 << 20);
    let said = bench.fine("bench tiny.clue --paper --batch 8 --steps 1 --images 8 --passes 3").out;
    assert!(said.contains("3 passes over 8 test images, the first 2 dropped"), "{said}");
    assert!(said.contains("with data loading (") && said.contains(" ± "), "{said}");
}

#[test]
fn what_can_not_be_measured_is_said() {
    let bench = Bench::new();
    let refused = |arguments: &str, code| {
        let ran = bench.run(arguments);
        assert_eq!(ran.code, Some(code), "{arguments}: {}{}", ran.out, ran.err);
        ran.err
    };
    let none = refused("bench tiny.clue --paper --passes 2", 2);
    assert!(none.contains("of 2 passes 2 are dropped, and none is left"), "{none}");
    assert!(refused("bench tiny.clue --passes 3", 2).contains("--paper"));
    assert!(refused("bench tiny.clue --paper --set data=off", 1).contains("has no data"));
}

/// More than any machine has is no reason to be ended by the system.
#[test]
fn a_batch_that_does_not_fit_is_told_with_numbers() {
    let bench = Bench::new();
    for options in ["--mode train", "--mode infer", "--executor reference"] {
        let arguments = format!("bench tiny.clue --set input=512x512 --batch 16777216 {options}");
        let ran = bench.run(&arguments);
        assert_eq!(ran.code, Some(1), "{}", ran.err);
        let told = "error: a batch of 16_777_216 images takes ";
        assert!(ran.err.contains(told) && ran.err.contains("TiB of memory, and "), "{}", ran.err);
        assert!(
            ran.err.contains("help: `--batch ") && ran.err.ends_with("` fits\n"),
            "{}",
            ran.err
        );
    }
}

#[test]
fn ops_are_told_by_kind_or_by_size_and_are_the_same_work() {
    let bench = Bench::new();
    let work = |ops: &str| {
        let said =
            bench.fine(&format!("bench tiny.clue --mode train --batch 8 {ops} --format json")).out;
        let line: serde_json::Value = serde_json::from_str(&said).unwrap();
        let mut kinds = std::collections::BTreeMap::<String, [u64; 3]>::new();
        let ops = line["ops"].as_array().unwrap().clone();
        for op in &ops {
            // `ffn gradient [B, 8, 8, 8]`
            let kind = op["op"].as_str().unwrap().split(" [").next().unwrap().to_string();
            let sums = kinds.entry(kind).or_default();
            for (sum, what) in sums.iter_mut().zip(["calls", "macs", "bytes"]) {
                *sum += op[what].as_u64().unwrap();
            }
        }
        (ops.len(), kinds)
    };
    let ((few, by_kind), (many, by_size)) = (work("--ops"), work("--ops=size"));
    assert_eq!(by_kind, by_size);
    assert!(few == by_kind.len() && many > few, "{few} {many}");
    let table = bench.fine("bench tiny.clue --mode infer --batch 8 --steps 1 --ops=size").out;
    assert!(table.contains("\nffn [B, 8, 8, 8]") && table.contains("one core, "), "{table}");
    assert!(!bench.run("bench tiny.clue --ops=map").err.is_empty());
}
