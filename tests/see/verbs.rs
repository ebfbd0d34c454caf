//! `cluec see`: what it writes and says, and how it refuses.

use super::numbers::TEXT;
use crate::text::root;
use crate::train::Bench;
use cluec::data::{Dataset, Shapes, Split};
use insta::assert_snapshot;
use serde_json::Value;
use std::fs;

const DATA: &str = "data shapes { size 8x8; classes 3; train_images 6; test_images 6 }";

/// `two.clue`, a model of two stages that reads shapes, and `image.png`.
fn bench() -> Bench {
    let bench = Bench::new();
    let text = TEXT.replace("model tiny", "model two");
    let (text, _) = text.rsplit_once('}').unwrap();
    fs::write(bench.path("two.clue"), format!("{text}    {DATA}\n}}\n")).unwrap();
    let shapes = Shapes::new([40, 30], 3, 3, 1, Split::Test).unwrap();
    let image = cluec::see::png(&shapes.image(1).unwrap()).unwrap();
    fs::write(bench.path("image.png"), image).unwrap();
    bench
}

fn listed(bench: &Bench, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(bench.path(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn every_map_is_a_file_and_a_sheet_shows_all() {
    let bench = bench();
    let ran = bench.fine("see --untrained two.clue image.png image.png --k 2,4");
    assert_eq!(ran.out.lines().count(), 2, "{}", ran.out);
    assert!(ran.out.lines().nth(1).unwrap().ends_with("%, in see/image-2"), "{}", ran.out);
    let names = [
        "all.k2.png",
        "all.k4.png",
        "image.png",
        "sheet.png",
        "stage1.block1.head1.png",
        "stage1.block1.head2.png",
        "stage2.block1.head1.png",
        "stage2.block1.head2.png",
        "stage2.block1.head3.png",
    ];
    assert_eq!(listed(&bench, "see/image"), names);
    // Drawn again, the same bytes.
    bench.fine("see --untrained two.clue image.png --k 2,4 --out again");
    for name in names {
        let read = |folder: &str| fs::read(bench.path(folder).join(name)).unwrap();
        assert!(read("see/image") == read("again/image"), "{name}");
    }
    bench.fine("see --untrained two.clue:two image.png --format svg --stage 2 --head 3 --out svg");
    let names = ["all.k3.svg", "all.k5.svg", "all.k8.svg", "image.png", "sheet.svg"];
    let drawn = listed(&bench, "svg/image");
    assert!(names.iter().all(|name| drawn.contains(&name.to_string())), "{drawn:?}");
    assert!(
        drawn.contains(&"stage2.block1.head3.svg".to_string()) && drawn.len() == 6,
        "{drawn:?}"
    );
}

#[test]
fn a_run_is_looked_into_by_its_folder() {
    let bench = bench();
    bench.fine("train tiny.clue --out run --steps 7");
    let ran = bench.fine("see run --dataset shapes --count 2");
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(lines[0].starts_with("test-0000: ") && lines[0].contains(" (it is red disk), in see/"));
    let table: Vec<&str> = lines[3..].iter().map(|line| line.split("  ").next().unwrap()).collect();
    assert_eq!(
        table,
        [
            "intersection over union with the object, mean of 2 images",
            "clusters of",
            "stage1.block1 head 1",
            "stage1.block1 head 2",
            "one cluster of all",
        ]
    );
}

/// What is counted is what is asked for.
#[test]
fn statistics_are_of_the_stage_and_block_that_are_asked_for() {
    let bench = bench();
    bench.fine("train tiny.clue --out run --steps 2");
    let table = bench.fine("see run --dataset shapes --count 2 --block 2").out;
    assert!(table.contains("stage1.block2 head 1") && !table.contains("block1"), "{table}");
    let statistics = "see --untrained two.clue --dataset shapes --statistics --count 2 --stage 2";
    let json: Value =
        serde_json::from_str(&bench.fine(&format!("{statistics} --format json")).out).unwrap();
    let parts = json["parts"].as_array().unwrap().iter();
    let names: Vec<_> = parts.map(|part| part["name"].as_str().unwrap()).collect();
    assert!(!names.is_empty() && names.iter().all(|name| name.starts_with("stage2.")), "{names:?}");
    let ran = bench.run(&statistics.replace("--stage 2", "--stage 7"));
    assert_eq!(ran.code, Some(1), "{}", ran.out);
}

/// The middle 8x8 of a larger image, and nothing around it.
#[test]
fn the_picture_is_of_what_the_model_took() {
    let bench = bench();
    let text = fs::read_to_string(bench.path("two.clue")).unwrap();
    let photos = "data image_folders { files \"photos\"; test { crop center { size 8x8 } } }";
    fs::write(bench.path("cropped.clue"), text.replace(DATA, photos)).unwrap();
    let (red, blue) = ([200, 0, 0], [0, 0, 200]);
    let inside = |at: usize| (16..24).contains(&(at / 60)) && (26..34).contains(&(at % 60));
    let pixels = (0..40 * 60).flat_map(|at| if inside(at) { red } else { blue }).collect();
    let framed = cluec::data::Image { height: 40, width: 60, pixels };
    fs::write(bench.path("framed.png"), cluec::see::png(&framed).unwrap()).unwrap();
    bench.fine("see --untrained cropped.clue framed.png");
    let drawn = cluec::data::decode(&bench.path("see/framed/image.png")).unwrap();
    assert_eq!((drawn.height, drawn.width), (256, 256));
    assert!(drawn.pixels.chunks(3).all(|pixel| pixel == red));
}

/// A JSON value with the sort of every value in its place; of a list its first entry.
fn sorts(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), sorts(value))).collect())
        }
        Value::Array(list) => Value::Array(list.first().map(sorts).into_iter().collect()),
        Value::String(text) => Value::String(text.clone()),
        Value::Number(_) => "number".into(),
        other => other.clone(),
    }
}

#[test]
fn the_json_is_a_contract() {
    let bench = bench();
    let said =
        bench.fine("see --untrained two.clue --dataset shapes --count 1 --format json --k 2");
    let json: Value = serde_json::from_str(&said.out).unwrap();
    assert_snapshot!(serde_json::to_string_pretty(&sorts(&json)).unwrap());
    let image = &json["images"][0];
    let sum: f64 = image["probabilities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["probability"].as_f64().unwrap())
        .sum();
    assert!((sum - 1.0).abs() < 1e-9);
    let shares = |clusters: &Value| -> f64 {
        clusters.as_array().unwrap().iter().map(|c| c["share"].as_f64().unwrap()).sum()
    };
    assert!((shares(&image["all_stages"][0]["clusters"]) - 1.0).abs() < 1e-9);
    assert!(
        image["heads"]
            .as_array()
            .unwrap()
            .iter()
            .all(|head| (shares(&head["clusters"]) - 1.0).abs() < 1e-9)
    );
}

#[test]
fn statistics_are_a_table_or_json() {
    let bench = bench();
    let ran = bench.run("see --untrained two.clue --dataset shapes --statistics --k 3");
    let head: Vec<&str> =
        ran.out.lines().nth(2).unwrap().split("  ").filter(|w| !w.is_empty()).collect();
    assert_eq!(
        head.iter().map(|w| w.trim()).collect::<Vec<_>>(),
        [
            "part",
            "head",
            "windows",
            "centers",
            "occupied",
            "dead",
            "entropy",
            "in effect",
            "heads agree"
        ]
    );
    assert!(ran.out.contains("\nstage2.pool "), "{}", ran.out);
    let said = bench.run("see --untrained two.clue --dataset shapes --statistics --format json");
    let json: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(json["images"], 6);
    let names: Vec<&str> = json["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["stage1.block1", "stage2.pool", "stage2.block1"]);
    assert_eq!(json["parts"][2]["heads"].as_array().unwrap().len(), 3);
    assert!(json["parts"][2]["agreement"].is_number());
}

/// The windows of the other families, drawn and told.
#[test]
fn the_other_families_are_seen_too() {
    let bench = bench();
    let file = root().join("tests/verify/families.clue");
    let see = |name: &str| -> Value {
        let said = bench
            .fine(&format!("see --untrained {}:{name} image.png --format json", file.display()));
        serde_json::from_str::<Value>(&said.out).unwrap()["images"][0].clone()
    };
    let coc = see("coc_b");
    let windows = &coc["record"]["stages"][0]["blocks"][0]["heads"][0]["windows"];
    assert_ne!(windows, &serde_json::json!([1, 1]));
    assert_eq!(coc["all_stages"], serde_json::json!([]));
    assert_eq!(coc["remarks"].as_array().unwrap().len(), 1);
    let fec = see("fec_a");
    assert_eq!(fec["all_stages"][0]["k"], 3);
    let raw = see("clusterformer_b");
    assert!(
        raw["remarks"][1].as_str().unwrap().starts_with("the layout is raw"),
        "{}",
        raw["remarks"]
    );
}

#[test]
fn every_mistake_is_told() {
    let bench = bench();
    fs::write(bench.path("text.png"), "no image").unwrap();
    fs::create_dir(bench.path("empty")).unwrap();
    let none = TEXT.replace("mixer cluster { grid 2x2; heads 2 3; head_width 4 }", "mixer off");
    fs::write(bench.path("none.clue"), none.replace("icp", "conv")).unwrap();
    let commands = [
        "see",
        "see run",
        "see run image.png --dataset shapes",
        "see missing.safetensors image.png",
        "see empty image.png",
        "see image.png image.png",
        "see --untrained two.clue text.png",
        "see --untrained two.clue missing.png",
        "see --untrained two.clue image.png --stage 7",
        "see --untrained two.clue image.png --head 9",
        "see --untrained two.clue image.png --stage 1 --block 3",
        "see --untrained two.clue image.png --block 9",
        "see --untrained two.clue --dataset shaeps",
        "see --untrained two.clue --dataset cifar",
        "see --untrained none.clue image.png",
        "see --untrained none.clue --dataset shapes",
        "see --untrained two.clue:tow image.png",
        "see --untrained two.clue image.png --opacity 2",
        "see --untrained two.clue image.png --k 0",
        "see --untrained two.clue image.png --statistics",
    ];
    let mut said = String::new();
    for command in commands {
        let ran = bench.run(command);
        // What clap says in its own words is its business.
        let err: String = ran
            .err
            .lines()
            .filter(|line| !line.starts_with("Usage") && !line.starts_with("For more"))
            .map(|line| format!("{line}\n"))
            .collect();
        said.push_str(&format!("$ cluec {command}\n{}exit {}\n\n", err, ran.code.unwrap()));
        assert!(ran.code != Some(0), "{command}");
    }
    assert_snapshot!(said);
}

#[test]
fn what_some_stages_lack_is_remarked() {
    let bench = bench();
    let remarks = |asked: &str| {
        let ran = bench.fine(&format!("see --untrained two.clue image.png --format json {asked}"));
        let answer: Value = serde_json::from_str(&ran.out).unwrap();
        let remarks = answer["images"][0]["remarks"].as_array().unwrap().clone();
        remarks.iter().map(|remark| remark.as_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(remarks("--head 3"), ["no head 3 with clusters in stage 1"]);
    assert_eq!(remarks("--head 2"), [""; 0]);
}
