//! CIFAR-100 in its official pickles.

use super::{real, refused};
use cluec::data::{CIFAR100, Cifar, Dataset, Split};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A part as the official files have it: protocol 2, a dictionary with labels and a numpy array.
pub fn official(labels: &[u8], data: &[u8]) -> Vec<u8> {
    let mut out = b"\x80\x02}q\x01(U\x0bfine_labelsq\x02]q\x03(".to_vec();
    for label in labels {
        out.extend([b'K', *label]);
    }
    out.extend(b"eU\x04datacnumpy.core.multiarray\n_reconstruct\n");
    out.extend(b"cnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01");
    out.extend([b'K', labels.len() as u8]);
    out.extend(b"M\x00\x0c\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R");
    out.extend(b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T");
    out.extend((data.len() as u32).to_le_bytes());
    out.extend(data);
    out.extend(b"tbu.");
    out
}

/// A folder with three classes, two images to train and one to test.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut meta = b"\x80\x02}q\x01(U\x10fine_label_names](".to_vec();
    for name in ["apple", "beetle", "clock"] {
        meta.extend([b'U', name.len() as u8]);
        meta.extend(name.as_bytes());
    }
    meta.extend(b"eu.");
    std::fs::write(folder.path().join("meta"), meta).unwrap();
    // Red counts up, green is 100 and blue 200 in the first image, all is 1 in the second.
    let first = (0..3072).map(|i| [i as u8, 100, 200][i / 1024]);
    let data: Vec<u8> = first.chain([1; 3072]).collect();
    std::fs::write(folder.path().join("train"), official(&[2, 0], &data)).unwrap();
    std::fs::write(folder.path().join("test"), official(&[1], &[3; 3072])).unwrap();
    folder
}

#[test]
fn a_part_is_read() {
    let folder = folder();
    let train = Cifar::open(folder.path(), Split::Train).unwrap();
    assert_eq!(train.classes(), ["apple", "beetle", "clock"]);
    assert_eq!((train.len(), train.label(0), train.label(1)), (2, 2, 0));
    let image = train.image(0).unwrap();
    assert_eq!((image.height, image.width), (32, 32));
    // Row 1, column 5: number 37.
    assert_eq!(image.pixel(1, 5), [37, 100, 200]);
    assert_eq!(train.image(1).unwrap().pixel(31, 31), [1; 3]);
    let test = Cifar::open(folder.path(), Split::Test).unwrap();
    assert_eq!((test.len(), test.label(0)), (1, 1));
    assert_eq!(test.image(0).unwrap().pixel(0, 0), [3; 3]);
}

#[test]
fn the_folder_around_will_do() {
    let folder = folder();
    let around = tempfile::tempdir().unwrap();
    std::fs::rename(folder.path(), around.path().join("cifar-100-python")).unwrap();
    assert_eq!(Cifar::open(around.path(), Split::Train).unwrap().len(), 2);
}

#[test]
fn what_is_missing_is_said_with_a_way_out() {
    let folder = folder();
    let error = refused(Cifar::open(folder.path().join("nowhere"), Split::Train));
    assert!(error.starts_with("there is no folder with CIFAR-100 here: "), "{error}");
    assert!(error.contains("nowhere") && error.contains("--data DIR"), "{error}");
    assert!(error.contains("https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"), "{error}");
    std::fs::remove_file(folder.path().join("test")).unwrap();
    let error = refused(Cifar::open(folder.path(), Split::Train));
    assert!(error.starts_with("CIFAR-100 lacks the file(s) test in its folder"), "{error}");
}

#[test]
fn broken_files_are_errors_that_name_them() {
    let folder = folder();
    let open = |name: &str, bytes: &[u8]| {
        let file = folder.path().join(name);
        let before = std::fs::read(&file).unwrap();
        std::fs::write(&file, bytes).unwrap();
        let error = refused(Cifar::open(folder.path(), Split::Train));
        std::fs::write(&file, before).unwrap();
        assert!(error.contains(&file.display().to_string()), "{error}");
        error
    };
    let train = std::fs::read(folder.path().join("train")).unwrap();
    assert!(open("train", b"").contains("not a pickle of CIFAR-100"));
    assert!(open("train", b"PNG").contains("opcode 0x50"));
    assert!(open("train", &train[..3000]).contains("the file ends early"));
    assert!(open("meta", b"\x80\x02}.").contains("no list `fine_label_names`"));
    assert!(open("train", b"\x80\x02}.").contains("no list `fine_labels`"));
    let wrong = official(&[2, 3], &[0; 6144]);
    assert!(open("train", &wrong).contains("label 1 is 3, expected a number below 3"));
    let short = official(&[2, 1], &[0; 6143]);
    assert!(open("train", &short).contains("no numpy array of 2 x 3072 bytes"));
}

#[test]
fn a_file_cut_short_after_it_was_opened_is_an_error() {
    let folder = folder();
    let train = Cifar::open(folder.path(), Split::Train).unwrap();
    let file = std::fs::File::options().write(true).open(folder.path().join("train")).unwrap();
    file.set_len(4000).unwrap();
    train.image(0).unwrap();
    assert!(refused(train.image(1)).contains("train"));
}

/// The real files, unpacked once into the cache folder of this machine.
pub fn unpacked() -> Option<PathBuf> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER.get_or_init(|| unpack(&real("cifar100")?)).clone()
}

fn unpack(packed: &Path) -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    let folder = cache.join("cluec/cifar-100-python");
    if folder.is_dir() {
        return Some(folder);
    }
    // It appears under its name when it is whole.
    std::fs::create_dir_all(folder.parent()?).unwrap();
    let draft = tempfile::tempdir_in(folder.parent()?).unwrap();
    let output = Command::new("python3")
        .arg(packed.join("unpack.py"))
        .arg("unpack")
        .args([packed, draft.path()])
        .output();
    match output {
        Ok(output) if output.status.success() => {}
        other => {
            println!("CIFAR-100 can not be unpacked (is numpy there?): skipped\n{other:?}");
            return None;
        }
    }
    std::fs::copy(packed.join("meta"), draft.path().join("meta")).unwrap();
    // Another process may have been faster.
    if std::fs::rename(draft.keep(), &folder).is_err() {
        assert!(folder.is_dir());
    }
    Some(folder)
}

#[test]
fn the_real_files_are_read() {
    let Some(folder) = unpacked() else { return };
    // Of the files whose md5 sums are 16019d7e3df5f24257cddd939b257f8d and
    // f0ef6b0ae62326f3e7ffdfab6717acfc.
    for (part, hash) in [
        ("train", "bbd4e1cd286aa54b062ac88b57d01fcf"),
        ("test", "99a8b706d85c2e269e929f4cd4891ae4"),
    ] {
        let bytes = std::fs::read(folder.join(part)).unwrap();
        assert_eq!(blake3::hash(&bytes).to_hex()[..32], *hash, "{part}");
    }
    for (split, each) in [(Split::Train, 500), (Split::Test, 100)] {
        let part = Cifar::open(&folder, split).unwrap();
        let mut counts = vec![0; part.classes().len()];
        (0..part.len()).for_each(|i| counts[part.label(i) as usize] += 1);
        assert_eq!(counts, vec![each; 100]);
    }
    let train = Cifar::open(&folder, Split::Train).unwrap();
    assert_eq!(train.classes()[train.label(0) as usize], "cattle");
    assert_eq!(train.classes()[99], "worm");
    // The published statistics are those of the images as read: no channel is taken for another.
    let (mut sums, mut squares) = ([0u64; 3], [0u64; 3]);
    for i in 0..train.len() {
        for pixel in train.image(i).unwrap().pixels.chunks_exact(3) {
            for (c, &x) in pixel.iter().enumerate() {
                sums[c] += u64::from(x);
                squares[c] += u64::from(x) * u64::from(x);
            }
        }
    }
    let n = 50_000.0 * 1024.0;
    for c in 0..3 {
        let mean = sums[c] as f64 / n;
        let std = (squares[c] as f64 / n - mean * mean).sqrt();
        assert!((mean / 255.0 - f64::from(CIFAR100.mean[c])).abs() < 1e-6, "{mean}");
        assert!((std / 255.0 - f64::from(CIFAR100.std[c])).abs() < 1e-6, "{std}");
    }
}
