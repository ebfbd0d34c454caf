//! JPEG and PNG files in class folders.

use super::{counted, real, refused};
use cluec::data::{Dataset, Division, ImageFiles, Split, decode, folder};
use image::{ExtendedColorType, save_buffer};
use std::fs;
use std::path::Path;

/// Writes an image that counts its pixels, 4 rows by 3 columns.
fn write(file: impl AsRef<Path>) {
    fs::create_dir_all(file.as_ref().parent().unwrap()).unwrap();
    save_buffer(file, &counted(4, 3).pixels, 3, 4, ExtendedColorType::Rgb8).unwrap();
}

fn whole(folder: &Path) -> ImageFiles {
    folder::whole(folder).unwrap()
}

#[test]
fn classes_and_files_are_sorted_and_the_rest_is_passed_over() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    write(root.join("pear/b.png"));
    write(root.join("pear/a.JPG"));
    write(root.join("apple/c.jpeg"));
    fs::write(root.join("LICENSE.txt"), "mine").unwrap();
    fs::write(root.join("pear/notes.txt"), "ripe").unwrap();
    fs::write(root.join("pear/.hidden.png"), "").unwrap();
    fs::create_dir_all(root.join(".cache/thumbs")).unwrap();
    fs::create_dir(root.join("pear/inner")).unwrap();
    let images = whole(root);
    assert_eq!(images.classes(), ["apple", "pear"]);
    let files: Vec<_> = (0..images.len())
        .map(|i| {
            (images.file(i).strip_prefix(root).unwrap().display().to_string(), images.label(i))
        })
        .collect();
    let expected = [("apple/c.jpeg", 0), ("pear/a.JPG", 1), ("pear/b.png", 1)];
    assert_eq!(files, expected.map(|(file, label)| (file.to_string(), label)));
    // PNG is exact.
    assert_eq!(images.image(2).unwrap(), counted(4, 3));
}

#[test]
fn an_ending_does_not_say_what_a_file_is() {
    let root = tempfile::tempdir().unwrap();
    write(root.path().join("a.png"));
    fs::rename(root.path().join("a.png"), root.path().join("really.jpg")).unwrap();
    assert_eq!(decode(&root.path().join("really.jpg")).unwrap(), counted(4, 3));
}

#[test]
fn a_broken_image_is_an_error_that_names_it() {
    let root = tempfile::tempdir().unwrap();
    let good = root.path().join("a/good.jpg");
    write(&good);
    let bytes = fs::read(&good).unwrap();
    for (name, bytes) in [("cut", &bytes[..bytes.len() / 3]), ("text", b"hello"), ("empty", b"")] {
        let file = root.path().join(format!("a/{name}.jpg"));
        fs::write(&file, bytes).unwrap();
        let error = refused(decode(&file));
        assert!(error.contains(&format!("{name}.jpg")), "{error}");
        assert!(error.contains("help: replace or remove this file"), "{error}");
    }
    // The data set opens, and every image but these is there.
    let images = whole(root.path());
    let broken: Vec<_> = (0..4).filter(|&i| images.image(i).is_err()).collect();
    assert_eq!(broken, [0, 1, 3]);
}

#[test]
fn folders_that_are_no_data_set_are_errors() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let open = || folder::open(root, Split::Train, Division::keyed(0.5, 1));
    let error = refused(folder::open(root.join("nowhere"), Split::Train, Division::keyed(0.5, 1)));
    assert!(error.starts_with("there is no folder of images here: "), "{error}");
    assert!(error.contains("--data DIR"), "{error}");
    assert!(refused(open()).starts_with("no class folders"));
    write(root.join("apple/1.png"));
    fs::create_dir(root.join("pear")).unwrap();
    let error = refused(open());
    assert!(
        error.starts_with("a class folder without images") && error.contains("pear"),
        "{error}"
    );
    write(root.join("pear/1.png"));
    open().unwrap();
    let error = refused(folder::open(root, Split::Test, Division::keyed(1.0, 1)));
    assert!(error.starts_with("no images are left to test"), "{error}");
}

#[test]
fn a_divided_folder_keeps_its_parts() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    for file in ["train/a/1.png", "train/a/2.png", "train/b/1.png"] {
        write(root.join(file));
    }
    let open = |split| folder::open(root, split, Division::keyed(0.5, 1));
    let error = refused(open(Split::Train));
    assert!(error.contains("without `val` or `test` beside it"), "{error}");
    write(root.join("val/a/3.png"));
    let error = refused(open(Split::Train));
    assert!(error.contains("only in train: [b], only in val: []"), "{error}");
    write(root.join("val/b/3.png"));
    assert_eq!((open(Split::Train).unwrap().len(), open(Split::Test).unwrap().len()), (3, 2));
}

#[test]
fn an_undivided_folder_is_divided_class_by_class() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    for i in 0..10 {
        write(root.join(format!("a/{i}.png")));
        write(root.join(format!("train/{i}.png")));
    }
    let files = |split, seed| {
        let images = folder::open(root, split, Division::keyed(0.7, seed)).unwrap();
        (0..images.len()).map(|i| images.file(i).to_path_buf()).collect::<Vec<_>>()
    };
    let (train, test) = (files(Split::Train, 1), files(Split::Test, 1));
    assert_eq!((train.len(), test.len()), (14, 6));
    assert_eq!(train.iter().filter(|f| f.starts_with(root.join("a"))).count(), 7);
    assert!(test.iter().all(|f| !train.contains(f)));
    assert_eq!(train, files(Split::Train, 1));
    assert_ne!(train, files(Split::Train, 2));
}

#[test]
fn real_photographs_are_read() {
    let Some(folder) = real("imagenette-small") else { return };
    let train = folder::open(&folder, Split::Train, Division::keyed(0.8, 1)).unwrap();
    let test = folder::open(&folder, Split::Test, Division::keyed(0.8, 1)).unwrap();
    assert_eq!((train.len(), test.len(), train.classes().len()), (600, 200, 10));
    for i in (0..600).step_by(60) {
        let image = train.image(i).unwrap();
        assert_eq!((image.height, image.width), (224, 224));
    }
    let Some(folder) = real("flowers") else { return };
    let all = folder::whole(&folder).unwrap();
    assert_eq!(all.len(), 200);
    assert_eq!(all.classes(), ["daisy", "dandelion", "roses", "sunflowers", "tulips"]);
}
