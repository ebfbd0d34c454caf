//! Images come to a model in the rows and columns that it takes, or nothing is begun.

use super::Bench;
use super::verbs::photographs;
use image::{ExtendedColorType, save_buffer};
use insta::assert_snapshot;
use std::fs;

/// `gray.clue` and its images of 14 rows and 20 columns, which nothing crops.
fn gray(bench: &Bench) {
    for (class, level) in [("dark", 40u8), ("light", 200)] {
        for i in 0..10u8 {
            let folder = bench.path(if i < 7 { "gray/train" } else { "gray/val" }).join(class);
            fs::create_dir_all(&folder).unwrap();
            let pixels = vec![level + i; 14 * 20 * 3];
            save_buffer(folder.join(format!("{i}.png")), &pixels, 20, 14, ExtendedColorType::Rgb8)
                .unwrap();
        }
    }
    let (head, rest) = super::TINY.split_once("    data shapes").unwrap();
    let (_, recipe) = rest.split_once("    recipe").unwrap();
    let head = head.replace("input   16x16", "input   14x20").replace("classes 4\n", "classes 2\n");
    let data = "    data image_folders { files \"gray\" }\n";
    fs::write(bench.path("gray.clue"), format!("{head}{data}    recipe{recipe}")).unwrap();
}

/// What is told by a command that can not be followed, without anything begun.
fn refused(bench: &Bench, arguments: &str) -> String {
    let ran = bench.run(arguments);
    assert_eq!(ran.code, Some(1), "{arguments}: {}{}", ran.out, ran.err);
    assert!(!bench.path("runs").exists(), "{arguments}");
    ran.err
}

#[test]
fn as_many_pixels_are_not_the_same_image() {
    let bench = Bench::new();
    gray(&bench);
    assert_snapshot!(refused(&bench, "train gray.clue --set input=20x14"));
    for size in ["20x14", "10x28", "28x10"] {
        for verb in ["train", "verify-resume", "lr", "bench --paper"] {
            let said = refused(&bench, &format!("{verb} gray.clue --set input={size}"));
            assert!(said.contains(&format!("images of {size} (rows x columns)")), "{said}");
            assert!(said.contains(" images are 14x20"), "{said}");
        }
    }
    bench.fine("train gray.clue --out run --steps 2");
    bench.fine("eval run");
    // The same checkpoint looks at other images.
    fs::remove_dir_all(bench.path("gray/val")).unwrap();
    for class in ["dark", "light"] {
        let folder = bench.path("gray/val").join(class);
        fs::create_dir_all(&folder).unwrap();
        save_buffer(folder.join("0.png"), &[9; 840], 14, 20, ExtendedColorType::Rgb8).unwrap();
    }
    let said = refused(&bench, "eval run");
    assert!(said.contains("and the test images are 20x14"), "{said}");
}

/// What crops training images leaves test images as they are.
#[test]
fn test_images_are_looked_at_before_the_first_step() {
    let bench = Bench::new();
    photographs(&bench);
    let uncropped = "photos.clue --data photos --set data.test.crop=off --set data.test.resize=off";
    let said = refused(&bench, &format!("train {uncropped}"));
    assert_snapshot!(said);
    let ran = bench.run(&format!("data {uncropped}"));
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert_snapshot!(ran.out);
    let json = bench.run(&format!("data {uncropped} --format json")).out;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let misfits = |part: &str| json[part]["misfits"].clone();
    assert_eq!(misfits("train"), serde_json::json!([]));
    assert_eq!(misfits("test"), serde_json::json!([{"rows": 10, "columns": 12, "images": 4}]));
    // Both parts, said at once.
    let both = refused(&bench, &format!("train {uncropped} --set data.train.crop=off"));
    assert!(
        both.contains("the training images are") && both.contains("the test images are"),
        "{both}"
    );
}

#[test]
fn a_batch_larger_than_the_training_set_is_told() {
    let bench = Bench::new();
    let ran = bench.fine("train tiny.clue --batch 1000 --steps 1 --out run");
    let told = "warning: a batch of 1000 is more than there is: a step takes 52 training images\n";
    assert!(ran.err.starts_with(told), "{}", ran.err);
}
