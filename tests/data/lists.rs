//! Image files named by CSV lists.

use super::{counted, refused};
use cluec::data::{DataError, Dataset, Division, ImageFiles, Split, lists};
use image::{ExtendedColorType, save_buffer};
use std::fs;
use std::path::Path;

fn write(file: impl AsRef<Path>) {
    fs::create_dir_all(file.as_ref().parent().unwrap()).unwrap();
    save_buffer(file, &counted(4, 3).pixels, 3, 4, ExtendedColorType::Rgb8).unwrap();
}

/// Ten images of each of three classes, each class in a list of its own.
fn published() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (list, class) in [("train", "n02"), ("val", "n03"), ("test", "n01")] {
        let mut text = "filename,label\n".to_string();
        for i in 0..10 {
            write(root.path().join(format!("images/{class}_{i}.png")));
            text.push_str(&format!("{class}_{i}.png,{class}\n"));
        }
        fs::write(root.path().join(format!("{list}.csv")), text).unwrap();
    }
    root
}

fn together(root: &Path, split: Split) -> Result<ImageFiles, DataError> {
    lists::together(root, split, Division { part: 0.8, seed: 1, pandas: true })
}

fn names(images: &ImageFiles) -> Vec<String> {
    let name = |i| images.file(i).file_name().unwrap().to_string_lossy().into_owned();
    (0..images.len()).map(name).collect()
}

#[test]
fn lists_are_put_together_and_every_class_is_divided() {
    let root = published();
    let train = together(root.path(), Split::Train).unwrap();
    let test = together(root.path(), Split::Test).unwrap();
    assert_eq!(train.classes(), ["n01", "n02", "n03"]);
    assert_eq!((train.len(), test.len()), (24, 6));
    // pandas: list(range(10)) sampled with random_state 1 ends in 8 and 5, the same in every class.
    let expected = ["n02_5", "n02_8", "n03_5", "n03_8", "n01_5", "n01_8"];
    assert_eq!(names(&test), expected.map(|name| format!("{name}.png")));
    assert_eq!((0..6).map(|i| test.label(i)).collect::<Vec<_>>(), [1, 1, 2, 2, 0, 0]);
    assert_eq!(train.image(0).unwrap(), counted(4, 3));
    let keyed = lists::together(root.path(), Split::Test, Division::keyed(0.8, 1)).unwrap();
    assert_eq!(keyed.len(), 6);
}

#[test]
fn lists_of_the_same_classes_may_be_the_parts() {
    let root = published();
    let error = refused(lists::apart(root.path(), Split::Train));
    assert!(error.contains("only in train.csv: [n02], only in val.csv: [n03]"), "{error}");
    assert!(error.contains("lists together"), "{error}");
    // As a published script writes them, with the numbers of the rows in front.
    let list = |name: &str, rows: &str| {
        fs::write(root.path().join(name), format!(",filename,label\n{rows}")).unwrap();
    };
    list("new_train.csv", "3,n02_1.png,n02\n7,n03_1.png,n03\n9,\"n02_2.png\", n02\n");
    list("new_val.csv", "0,n03_5.png,n03\n1,n02_5.png,n02\n");
    let train = lists::apart(root.path(), Split::Train).unwrap();
    assert_eq!(names(&train), ["n02_1.png", "n03_1.png", "n02_2.png"]);
    assert_eq!(lists::apart(root.path(), Split::Test).unwrap().len(), 2);
}

#[test]
fn lists_that_say_too_little_are_errors_that_name_them() {
    let root = published();
    let error = refused(together(&root.path().join("images"), Split::Train));
    assert!(error.starts_with("there are no lists of images here"), "{error}");
    let with = |text: &[u8]| {
        fs::write(root.path().join("val.csv"), text).unwrap();
        let error = refused(together(root.path(), Split::Train));
        assert!(error.contains("val.csv"), "{error}");
        error
    };
    let error = with(b"file,name\na,b\n");
    assert!(error.starts_with("no column `filename`; the columns are file, name"), "{error}");
    assert!(with(b"").starts_with("no column `filename`"));
    assert!(with(b"filename,label\n").starts_with("a list without images"));
    assert!(with(b"filename,label\na.png,b\nc.png,\n").starts_with("line 3 names no file"));
    assert!(with(b"filename,label\na.png\n").starts_with("cannot read a list of images: "));
    assert!(with(b"filename,label\n\xff,b\n").starts_with("cannot read a list of images: "));
}

#[test]
fn one_missing_image_is_broken_and_all_of_them_are_a_wrong_folder() {
    let root = published();
    fs::remove_file(root.path().join("images/n02_0.png")).unwrap();
    let train = together(root.path(), Split::Train).unwrap();
    let broken: Vec<_> = (0..24).filter(|&i| train.image(i).is_err()).collect();
    assert_eq!(broken, [0]);
    fs::remove_dir_all(root.path().join("images")).unwrap();
    let error = refused(together(root.path(), Split::Train));
    assert!(error.starts_with("none of the images listed to train is here"), "{error}");
}
