//! `train`, `eval` and `predict` as they are used.

use super::Bench;
use crate::data::real;
use cluec::train::Checkpoint;
use image::{ExtendedColorType, save_buffer};
use insta::assert_snapshot;
use std::fs;

/// What was computed, which may differ in its last digits from one processor to another, left out.
fn masked(text: &str) -> String {
    let number = |c: char| c.is_ascii_digit() || c == '.';
    let mut out = String::new();
    for part in text.split_inclusive(|c| !number(c)) {
        let digits = part.trim_end_matches(|c| !number(c));
        let computed = digits.trim_end_matches('.').contains('.');
        out += if computed { "#" } else { digits };
        out += &part[digits.len()..];
    }
    out
}

/// Folders of photographs that a child could tell apart: two classes of 12 by 10 pixels.
pub fn photographs(bench: &Bench) {
    for (class, color) in [("day", [230, 220, 90]), ("night", [10, 20, 60])] {
        for i in 0..8u8 {
            let folder = bench.path(if i < 6 { "photos/train" } else { "photos/val" }).join(class);
            fs::create_dir_all(&folder).unwrap();
            let pixels: Vec<u8> = (0..120).flat_map(|p| color.map(|c: u8| c + i + p % 7)).collect();
            let file = folder.join(format!("{i}.{}", if i % 2 == 0 { "png" } else { "jpg" }));
            save_buffer(file, &pixels, 12, 10, ExtendedColorType::Rgb8).unwrap();
        }
    }
    let text = super::TINY.replace("classes 4\n", "classes 2\n");
    let (head, rest) = text.split_once("    data shapes").unwrap();
    let (_, recipe) = rest.split_once("    recipe").unwrap();
    let data = "    data image_folders {
        files \"nowhere\"
        train { crop resized { size 16x16 } }
        test  { resize 18; crop center { size 16x16 } }
    }\n";
    fs::write(bench.path("photos.clue"), format!("{head}{data}    recipe{recipe}")).unwrap();
}

#[test]
fn a_run_is_a_folder_that_says_what_and_how() {
    let bench = Bench::new();
    let ran = bench.fine("train tiny.clue");
    assert_snapshot!(masked(&ran.out));
    // A slow machine tells of a step now and then.
    let told = ran.err.split_inclusive('\n').filter(|line| !line.starts_with("step "));
    assert_snapshot!(masked(&told.collect::<String>()));
    let mut files: Vec<String> = fs::read_dir(bench.path("runs/tiny"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(
        files,
        [
            "best.safetensors",
            "curves.svg",
            "events.out.tfevents.0.cluec",
            "graph.txt",
            "last.safetensors",
            "metrics.csv",
            "metrics.jsonl",
            "model.clue",
            "run.json"
        ]
    );
    assert_snapshot!(fs::read_to_string(bench.path("runs/tiny/model.clue")).unwrap());
    assert_snapshot!(masked(&bench.metrics("runs/tiny")));
    // What it says of itself is a model, the same one: it trains to the same bits.
    bench.fine("train runs/tiny/model.clue --out again");
    bench.assert_same("runs/tiny", "again");
    // A run never writes into another's folder.
    assert!(bench.fine("train tiny.clue --steps 1").out.contains("in runs/tiny-2\n"));
}

#[test]
fn eval_measures_what_training_measured_and_every_class() {
    let bench = Bench::new();
    let trained = bench.fine("train tiny.clue --out run").out;
    let ran = bench.fine("eval run/last.safetensors");
    let last = trained.lines().find(|line| line.starts_with("test loss")).unwrap();
    let figures = last.strip_prefix("test ").unwrap().strip_suffix(" after the last step").unwrap();
    let lines: Vec<&str> = ran.out.lines().collect();
    let whole = format!("tiny at step 28: {figures} on 20 images");
    assert_eq!(lines.last(), Some(&whole.as_str()));
    let ran = bench.fine("eval run/last.safetensors --format json --batch 3 --threads 2");
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&report["model"], &report["step"]), (&"tiny".into(), &28.into()));
    let classes = report["per_class"].as_array().unwrap();
    let mut right = 0;
    let names = ["red disk", "cyan bar", "chartreuse triangle", "blue ring"];
    for ((class, name), line) in classes.iter().zip(names).zip(lines) {
        assert_eq!((&class["class"], &class["images"]), (&name.into(), &5.into()));
        assert!(line.starts_with(name) && line.ends_with(&format!("({} of 5)", class["right"])));
        right += class["right"].as_u64().unwrap();
    }
    assert_eq!(report["top1"], right as f64 / 20.0);
    for wrong in ["eval nowhere.safetensors", "eval tiny.clue"] {
        let ran = bench.run(wrong);
        assert_eq!(ran.code, Some(1), "{wrong}");
        assert!(ran.err.starts_with("error: the checkpoint "), "{}", ran.err);
    }
}

#[test]
fn flags_are_settings_over_everything_else() {
    let bench = Bench::new();
    let ran = bench.fine(
        "train tiny.clue --out run --epochs 3 --batch 13 --seed 9 --threads 2 --workers 2 \
         --set recipe.optimizer.lr=1e-3 --set width=12",
    );
    assert!(ran.out.contains("batch 13, in run\n"), "{}", ran.out);
    let saved = Checkpoint::load(&bench.path("run/last.safetensors")).unwrap();
    // 52 images are 4 batches of 13.
    assert_eq!((saved.meta.step, saved.meta.epoch, saved.meta.seed), (12, 3, 9));
    for line in ["epochs 3", "batch 13", "seed 9", "lr 0.001", "width 12"] {
        assert!(saved.meta.source.contains(line), "{line}: {}", saved.meta.source);
    }
    bench.fine("train tiny.clue --out short --steps 3");
    let saved = Checkpoint::load(&bench.path("short/last.safetensors")).unwrap();
    assert_eq!((saved.meta.step, saved.meta.epoch, saved.meta.batch), (3, 0, 3));
    // Another seed is another run, the same seed the same.
    let weights = |out: &str, seed: u64| {
        bench.fine(&format!("train tiny.clue --out {out} --steps 2 --seed {seed}"));
        Checkpoint::load(&bench.path(out).join("last.safetensors")).unwrap().parameters
    };
    assert_eq!(weights("a", 1), weights("b", 1));
    assert_ne!(weights("c", 1), weights("d", 2));
}

#[test]
fn a_run_goes_on_with_what_it_began_with() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out run --steps 5");
    bench.fine("train tiny.clue --out whole");
    let refused = |arguments: &str, code| {
        let ran = bench.run(arguments);
        assert_eq!(ran.code, Some(code), "{arguments}: {}{}", ran.out, ran.err);
        ran.err
    };
    assert!(refused("train --resume run --batch 4", 1).contains("began with a batch of 8"));
    assert!(refused("train --resume run --seed 4", 1).contains("began with a seed of 5"));
    let images = refused("train --resume run --set data.train_images=51", 1);
    assert!(images.contains("a number of training images of 52, and this is 51"), "{images}");
    let graph = refused("train --resume run --set width=16", 1);
    assert!(graph.contains("the checkpoint is of another graph"), "{graph}");
    assert!(refused("train tiny.clue --resume run", 2).contains("leave FILE out"));
    assert!(refused("train --resume run/last.safetensors", 2).contains("--resume run"));
    let nowhere = refused("train --resume nowhere", 1);
    assert!(nowhere.starts_with("error: nowhere is not the folder of a run"), "{nowhere}");
    let inside = refused("train tiny.clue --out tiny.clue/run", 1);
    assert!(inside.starts_with("error: tiny.clue/run can not be made: "), "{inside}");
    assert!(refused("train --resume run --out other", 2).contains("cannot be used with"));
    // None of this did it any harm; the text may be gone meanwhile.
    fs::remove_file(bench.path("tiny.clue")).unwrap();
    bench.fine("train --resume run");
    // `--steps 5` left a line and a measurement more, and the weights are the same.
    let last = |run: &str| Checkpoint::load(&bench.path(run).join("last.safetensors")).unwrap();
    assert_eq!(last("run").parameters, last("whole").parameters);
    assert_eq!(last("run").kept, last("whole").kept);
    // More epochs than before, said once.
    bench.fine("train --resume run --epochs 5");
    assert!(last("run").meta.source.contains("epochs 5"));
    assert_eq!((last("run").meta.epoch, last("run").meta.step), (5, 35));
}

#[test]
fn folders_of_photographs_are_learned_and_named() {
    let bench = Bench::new();
    photographs(&bench);
    let ran = bench.run("train photos.clue");
    assert_eq!(ran.code, Some(1));
    assert_snapshot!(ran.err);
    assert!(!bench.path("runs").exists());
    let ran = bench.fine("train photos.clue --data photos --out run --epochs 20");
    assert!(ran.out.contains("on 12 images of photos (4 to test)"), "{}", ran.out);
    // Neither going on nor measuring needs to be told where the images are.
    bench.fine("train --resume run --epochs 25");
    let ran = bench.fine("eval run/last.safetensors");
    assert!(ran.out.contains("top-1 100.00 %"), "{}", ran.out);
    fs::write(bench.path("broken.png"), "not an image").unwrap();
    let images = "photos/val/day/6.png broken.png photos/val/night/7.jpg";
    let ran = bench.run(&format!("predict run/best.safetensors {images} --top 2"));
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("broken.png"), "{}", ran.err);
    let names: Vec<&str> = ran.out.lines().map(|line| line.rsplit(' ').next().unwrap()).collect();
    assert_eq!(
        names,
        ["photos/val/day/6.png", "day", "night", "photos/val/night/7.jpg", "night", "day"]
    );
    // Moved away, they are missed, and found again.
    fs::rename(bench.path("photos"), bench.path("moved")).unwrap();
    let ran = bench.run("eval run/last.safetensors");
    assert!(ran.err.starts_with("error: there is no folder of images here"), "{}", ran.err);
    bench.fine("eval run/last.safetensors --data moved");
    // Other classes are refused.
    fs::rename(bench.path("moved/val/day"), bench.path("moved/val/dawn")).unwrap();
    fs::rename(bench.path("moved/train/day"), bench.path("moved/train/dawn")).unwrap();
    let ran = bench.run("eval run/last.safetensors --data moved");
    assert!(ran.err.contains("the first that differs: `dawn` and `day`"), "{}", ran.err);
}

#[test]
fn a_broken_photograph_is_named_and_nothing_is_lost() {
    let bench = Bench::new();
    photographs(&bench);
    let broken = bench.path("photos/train/day/3.jpg");
    let whole = fs::read(&broken).unwrap();
    fs::write(&broken, &whole[..100]).unwrap();
    let ran = bench.run("train photos.clue --data photos --out run");
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("photos/train/day/3.jpg"), "{}", ran.err);
    fs::write(&broken, whole).unwrap();
    // It is another image now, and who mended it knows that.
    let ran = bench.run("train --resume run");
    assert!(ran.err.contains("--other-images"), "{}", ran.err);
    bench.fine("train --resume run --other-images");
    bench.fine("train --resume run");
}

#[test]
fn too_many_broken_photographs_are_named_once() {
    let bench = Bench::new();
    photographs(&bench);
    for name in ["photos/train/day/3.jpg", "photos/train/night/2.png"] {
        fs::write(bench.path(name), "no image").unwrap();
    }
    let ran = bench.run("train photos.clue --data photos --out run --set data.broken=10%");
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("more than 1 of 12 images are broken:"), "{}", ran.err);
    for name in ["day/3.jpg", "night/2.png"] {
        assert_eq!(ran.err.matches(name).count(), 1, "{}", ran.err);
    }
}

/// Of few images the part that may be broken is none.
#[test]
fn a_broken_photograph_too_many_names_the_limit() {
    let bench = Bench::new();
    photographs(&bench);
    fs::write(bench.path("photos/train/day/3.jpg"), "no image").unwrap();
    let ran = bench.run("train photos.clue --data photos --out run");
    let told = "`data.broken` lets 1 % of 12 images be broken, which is none";
    assert!(ran.err.contains(told), "{}", ran.err);
}

/// Class names are names of folders, which may hold anything.
#[test]
#[cfg(unix)]
fn class_names_are_shown_without_what_a_terminal_would_follow() {
    let bench = Bench::new();
    photographs(&bench);
    for part in ["train", "val"] {
        let folder = bench.path("photos").join(part);
        fs::rename(folder.join("day"), folder.join("da\u{1b}[2Jy\n")).unwrap();
    }
    bench.fine("train photos.clue --data photos --out run --steps 2");
    for command in
        ["eval run", "predict run photos/val/night/6.png", "see run photos/val/night/6.png"]
    {
        let ran = bench.fine(command);
        assert!(
            !ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'),
            "{command}: {}",
            ran.out
        );
    }
    assert!(bench.fine("eval run").out.contains("da\\u{1b}[2Jy\\n  "));
    fs::write(bench.path("photos/val/da\u{1b}[2Jy\n/6.png"), "no image").unwrap();
    let ran = bench.run("eval run");
    assert!(
        ran.err.contains("da\\u{1b}[2Jy\\n/6.png") && !ran.err.contains('\u{1b}'),
        "{}",
        ran.err
    );
}

#[test]
fn what_is_no_image_is_told_so() {
    let bench = Bench::new();
    photographs(&bench);
    bench.fine("train photos.clue --data photos --out run --steps 2");
    for (image, told) in [
        ("nowhere.png", "there is no such image"),
        ("photos", "an image is a file, and this is a folder"),
    ] {
        for verb in ["predict", "see"] {
            let ran = bench.run(&format!("{verb} run {image}"));
            assert_eq!(ran.code, Some(1));
            assert!(ran.err.contains(told) && !ran.err.contains("remove"), "{}", ran.err);
        }
    }
}

#[test]
fn an_answer_that_nobody_reads_on_is_no_mistake() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out run --steps 2");
    for arguments in ["eval run --format json", "see run --dataset shapes --count 1 --format json"]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = bench.command(arguments).stdout(writer).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.contains("pipe")), (Some(0), false), "{said}");
    }
}

#[test]
fn what_does_not_fit_is_explained() {
    let bench = Bench::new();
    photographs(&bench);
    let refused = |arguments: &str| {
        let ran = bench.run(arguments);
        assert_eq!(ran.code, Some(1), "{arguments}: {}{}", ran.out, ran.err);
        ran.err
    };
    assert_snapshot!(refused("train photos.clue --data photos --set classes=3"));
    assert_snapshot!(refused("train photos.clue --data photos --set data.train.crop=off"));
    assert_snapshot!(refused("train tiny.clue --data photos"));
}

#[test]
fn real_photographs_are_learned_from() {
    let Some(folder) = real("imagenette-small") else { return };
    let bench = Bench::new();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/models/cluenet_tiny.clue");
    // Small and short: that it runs, and that 100 classes are not 10.
    let data = format!("train {file} --data {} --out run", folder.display());
    let ran = bench.run(&data);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("--set classes=10"), "{}", ran.err);
    let small = "--set classes=10 --set input=32x32 --set data.train.crop.size=32x32 \
                 --set data.test.resize.shorter=32 --set data.test.crop.size=32x32 --set blocks=1";
    let ran = bench.fine(&format!("{data} {small} --batch 8 --steps 2"));
    assert!(ran.out.contains("on 600 images of imagenette-small (200 to test)"), "{}", ran.out);
}

#[test]
fn gradients_are_clipped_where_the_recipe_says_so() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --steps 2 --out plain");
    bench.fine("train tiny.clue --steps 2 --out loose --set recipe.clip=1000");
    bench.fine("train tiny.clue --steps 2 --out tight --set recipe.clip=1e-6");
    let end =
        |run: &str| Checkpoint::load(&bench.path(run).join("last.safetensors")).unwrap().parameters;
    assert_eq!(end("plain"), end("loose"));
    assert_ne!(end("plain"), end("tight"));
}
