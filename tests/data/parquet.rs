//! Image classification as Hugging Face keeps it. The files are written by pyarrow: `parquet/write.py`.

use super::refused;
use crate::allocation::within;
use cluec::data::{DataError, Dataset, Division, Parquet, Split, parquet};
use std::fs;
use std::path::{Path, PathBuf};

/// The file of that name.
pub fn file(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/parquet");
    folder.join(format!("{name}.parquet"))
}

const PUBLISHED: [&str; 3] =
    ["train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001"];

/// A folder with some of the files in its folder `data`.
fn folder(names: &[&str]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    fs::create_dir(&data).unwrap();
    for name in names {
        fs::copy(file(name), data.join(format!("{name}.parquet"))).unwrap();
    }
    root
}

fn open(root: &Path, split: Split) -> Result<Parquet, DataError> {
    parquet::open(root, split, Division::keyed(0.5, 1))
}

#[test]
fn the_parts_are_read_plain_packed_and_with_a_dictionary() {
    let root = folder(&PUBLISHED);
    let train = open(root.path(), Split::Train).unwrap();
    // The names of the classes come from the note that `datasets` leaves.
    assert_eq!(train.classes(), ["cat", "dog", "owl"]);
    assert_eq!(train.len(), 30);
    for i in 0..30 {
        assert_eq!(train.label(i), i as u32 % 3);
        let image = train.image(i).unwrap();
        assert_eq!((image.height, image.width), (3, 4));
        assert_eq!(image.pixel(2, 3), [i as u8, 50, 60]);
    }
    assert!(train.place(21).starts_with("row 1 of "), "{}", train.place(21));
    assert!(train.place(21).ends_with("train-00001-of-00002.parquet"));
}

#[test]
fn a_row_without_an_image_is_a_broken_image() {
    let root = folder(&PUBLISHED);
    let test = open(&root.path().join("data"), Split::Test).unwrap();
    assert_eq!((test.len(), test.label(5)), (6, 0));
    assert_eq!(test.image(5).unwrap().pixel(0, 0), [105, 50, 60]);
    let error = refused(test.image(2));
    assert!(
        error.starts_with("cannot decode the image of row 2: a row without an image"),
        "{error}"
    );
    let error = refused(test.image(3));
    assert!(error.contains("of row 3: neither JPEG nor PNG nor WebP"), "{error}");
    assert!(error.contains("test-00000-of-00001.parquet"), "{error}");
}

#[test]
fn words_are_classes_and_one_file_is_divided() {
    let root = folder(&["words"]);
    let parts = [Split::Train, Split::Test].map(|split| open(root.path(), split).unwrap());
    for part in &parts {
        assert_eq!(part.classes(), ["cat", "owl"]);
        assert_eq!(part.len(), 6);
        assert_eq!((0..6).filter(|&i| part.label(i) == 0).count(), 3);
        for i in 0..6 {
            let odd = part.image(i).unwrap().pixel(0, 0)[0] % 2 == 1;
            assert_eq!(part.classes()[part.label(i) as usize], if odd { "cat" } else { "owl" });
        }
    }
}

#[test]
fn what_is_no_such_folder_or_file_is_told() {
    let root = tempfile::tempdir().unwrap();
    let error = refused(open(&root.path().join("nowhere"), Split::Train));
    assert!(error.starts_with("cannot list a folder of Parquet files"), "{error}");
    let error = refused(open(root.path(), Split::Train));
    assert!(error.starts_with("there are no Parquet files here"), "{error}");
    let error = refused(open(folder(&["test-00000-of-00001"]).path(), Split::Train));
    assert!(error.starts_with("Parquet files to test without any to train"), "{error}");
    let root = folder(&["zstd"]);
    let error = refused(open(root.path(), Split::Train));
    assert!(error.contains("compression zstd; none, snappy and gzip are read"), "{error}");
    let whole = fs::read(file(PUBLISHED[0])).unwrap();
    let with = |bytes: &[u8]| {
        let root = folder(&PUBLISHED[1..]);
        fs::write(root.path().join("data/train-00000-of-00002.parquet"), bytes).unwrap();
        let error = refused(open(root.path(), Split::Train));
        assert!(error.contains("train-00000-of-00002.parquet"), "{error}");
        error
    };
    assert!(with(b"").starts_with("not a Parquet file"));
    assert!(with(&whole[..whole.len() / 2]).starts_with("not a Parquet file"));
    let mut long = whole.clone();
    let at = long.len() - 8;
    long[at..at + 4].fill(0xff);
    assert!(with(&long).starts_with("a footer of 4294967295 bytes"), "{}", with(&long));
    let mut damaged = whole;
    damaged[at - 40..at].fill(0xff);
    with(&damaged);
}

/// Of 1.2 MB, of which snappy packs 64 KiB on their own.
#[test]
fn an_image_is_read_without_the_rest_of_its_page() {
    for name in ["wide", "wide_plain"] {
        let root = folder(&[name]);
        let set = open(root.path(), Split::Train).unwrap();
        within(256 << 10, || {
            for i in 0..set.len() {
                let class = u32::from(set.image(i).unwrap().pixel(0, 0)[0]) % 3;
                assert_eq!(class, set.label(i), "{name} {i}");
            }
        });
    }
}

#[test]
fn a_row_without_a_word_for_its_label_is_named() {
    for (name, row) in [("null_label", 0), ("empty_label", 2)] {
        let error = refused(open(folder(&[name]).path(), Split::Train));
        assert!(error.starts_with(&format!("the label of row {row} is empty")), "{error}");
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn names_of_files_are_advised_only_where_they_are_missing() {
    let advice = "expected files such as";
    let none = tempfile::tempdir().unwrap();
    assert!(refused(open(none.path(), Split::Train)).contains(advice));
    assert!(!refused(open(folder(&["zstd"]).path(), Split::Train)).contains(advice));
}
