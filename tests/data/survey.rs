//! `cluec data`: what a data set is made of.

use super::{counted, real};
use cluec::data::{DataError, Dataset, Image, Pipeline, Statistics, Step, Survey, sheet, spread};
use insta::assert_snapshot;
use std::path::Path;
use std::process::Command;

/// Images given by hand; none is a broken one.
struct Few(Vec<(u32, Option<Image>)>, Vec<String>);

impl Dataset for Few {
    fn name(&self) -> &str {
        "few"
    }
    fn len(&self) -> usize {
        self.0.len()
    }
    fn classes(&self) -> &[String] {
        &self.1
    }
    fn label(&self, i: usize) -> u32 {
        self.0[i].0
    }
    fn image(&self, i: usize) -> Result<Image, DataError> {
        self.0[i].1.clone().ok_or_else(|| DataError::new("cut short"))
    }
}

fn few(images: Vec<(u32, Option<Image>)>) -> Few {
    Few(images, ["a", "b", "c"].map(String::from).to_vec())
}

#[test]
fn everything_is_counted() {
    let gray = |x| Image { height: 2, width: 1, pixels: vec![x; 6] };
    // The same bytes in another shape are another image.
    let wide = Image { height: 1, width: 2, pixels: vec![0; 6] };
    let train = few(vec![
        (0, Some(gray(0))),
        (1, Some(gray(255))),
        (1, None),
        (1, Some(gray(0))),
        (0, Some(wide)),
        (0, Some(gray(0))),
    ]);
    let survey = Survey::of(&train);
    assert_eq!(survey.classes, [3, 3, 0]);
    assert_eq!(survey.sizes, [((1, 2), 1), ((2, 1), 4)].into());
    assert_eq!(survey.twins, [vec![0, 3, 5]]);
    assert_eq!(survey.broken, [(2, DataError::new("cut short"))]);
    assert_eq!(survey.spread(|size| size.0), [1, 2, 2]);
    // Two of ten pixels are white.
    let Statistics { mean, std } = survey.statistics.unwrap();
    assert!(
        mean.iter().all(|x| (x - 0.2).abs() < 1e-6) && std.iter().all(|x| (x - 0.4).abs() < 1e-6)
    );
    let test = Survey::of(&few(vec![(2, Some(counted(3, 3))), (1, Some(gray(0)))]));
    assert_eq!(test.shared(&survey), [(1, 0)]);
    assert_eq!(Survey::of(&few(Vec::new())).statistics, None);
    assert_eq!([spread(vec![]), spread(vec![3, 1, 2, 9])], [[0; 3], [1, 2, 9]]);
}

#[test]
fn a_sheet_shows_what_training_would_see() {
    let images = few((0..3).map(|_| (0, Some(counted(40, 20)))).chain([(0, None)]).collect());
    let plain = Statistics { mean: [0.0; 3], std: [1.0; 3] };
    let crop = Step::CropPadded { size: [50, 100], pad: 40 };
    let pipeline = Pipeline::new(vec![crop], plain);
    let drawn = sheet(&images, &pipeline, 7).unwrap();
    // A line of heads, then three rows, each with a line below: the broken one is passed over.
    let line = 17;
    assert_eq!((drawn.height, drawn.width), (4 + line + 3 * (50 + line + 4), 8 * 104 + 8));
    // The original as it is, then the first epoch's view of an image behind the gap.
    let top = 4 + line as isize;
    assert_eq!(drawn.window(top, 4, 40, 20), counted(40, 20));
    let seen = drawn.window(top, 112, 50, 100);
    assert!((0..3).any(|i| pipeline.transform(counted(40, 20), (7, 0, i)) == seen));
    assert_eq!(drawn, sheet(&images, &pipeline, 7).unwrap());
    assert_ne!(drawn, sheet(&images, &pipeline, 8).unwrap());
    // Windows of an image stand beside it in its own scale.
    let window = Pipeline::new(vec![Step::CropPadded { size: [32, 32], pad: 0 }], plain);
    let drawn = sheet(&few(vec![(0, Some(counted(50, 40)))]), &window, 7).unwrap();
    assert_eq!((drawn.height, drawn.width), (4 + line + 150 + line + 4, 12 + 120 + 7 * 100));
    let corner = |row, column| counted(50, 40).pixel(row, column);
    assert_eq!(drawn.pixel(21, 4), corner(0, 0));
    assert_eq!(drawn.pixel(21 + 149, 4 + 119), corner(49, 39));
    let error = sheet(&few(Vec::new()), &pipeline, 1).unwrap_err().to_string();
    assert_eq!(error, "there is no image to show");
}

const TEXT: &str = "\
model photos {
    input   8x8
    classes 2
    embed   patches { kernel 3x3; stride 2; pad 1; norm layer }
    stages  1
    blocks  1
    width   8
    norm    layer
    mixer   cluster {
        grid 2x2; heads 2; head_width 4
        refine cosine; fuse gate; query heads; assign hard; dispatch shared
    }
    ffn     mlp { ratio 2 }
    head    mean { norm layer }
    data image_folders {
        files \"images\"
        train { crop padded { size 8x8; pad 2 }; flip horizontal }
        test { crop center { size 8x8 } }
    }
}
";

/// Runs the verb in a folder; what it prints and how it ends.
fn data(folder: &Path, arguments: &[&str]) -> (String, i32) {
    std::fs::write(folder.join("photos.clue"), TEXT).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_cluec"))
        .args(["data", "photos.clue"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let said = [output.stderr, output.stdout].concat();
    (String::from_utf8(said).unwrap(), output.status.code().unwrap())
}

#[test]
fn the_verb_tells_it() {
    let root = tempfile::tempdir().unwrap();
    let write = |file: &str, image: &Image| {
        let file = root.path().join("images").join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        let (width, height) = (image.width as u32, image.height as u32);
        image::save_buffer(file, &image.pixels, width, height, image::ExtendedColorType::Rgb8)
            .unwrap();
    };
    for (i, file) in
        ["train/ant/1", "train/ant/2", "train/bee/1", "val/ant/1", "val/bee/1"].iter().enumerate()
    {
        write(&format!("{file}.png"), &counted(8 + i, 8));
    }
    let (text, code) = data(root.path(), &[]);
    assert_eq!(code, 0, "{text}");
    assert_snapshot!("clean", text);
    write("train/ant/3.png", &counted(8, 8));
    write("val/bee/2.png", &counted(9, 8));
    std::fs::write(root.path().join("images/train/bee/2.jpg"), "no image").unwrap();
    let (text, code) = data(root.path(), &[]);
    assert_eq!(code, 1, "{text}");
    assert_snapshot!("findings", text);
    let (text, code) = data(root.path(), &["--format", "json", "--sheet", "sheet.png"]);
    assert_eq!(code, 1);
    assert_snapshot!("findings_json", text);
    let sheet = cluec::data::decode(&root.path().join("sheet.png")).unwrap();
    assert_eq!(sheet.width, 8 * 100 + 8);
    // A training replaces what is broken, as long as there is little of it.
    let (text, _) = data(root.path(), &["--set", "data.broken=0", "--set", "classes=3"]);
    assert!(text.contains("the model has 3 classes: write `classes 2`"), "{text}");
}

#[test]
fn real_photographs_are_surveyed() {
    let Some(folder) = real("imagenette-small") else { return };
    let train = cluec::data::folder::whole(folder.join("train")).unwrap();
    let survey = Survey::of(&train);
    assert!(survey.broken.is_empty(), "{:?}", survey.broken);
    assert_eq!(survey.sizes, [((224, 224), 600)].into());
    assert_eq!(survey.classes, [60; 10]);
}
