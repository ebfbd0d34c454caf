//! CIFAR-10 and CIFAR-100 in their published forms.

use super::{real, refused};
use cluec::data::{CIFAR100, Cifar, Dataset, Split};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A part as the official files have it: protocol 2, a dictionary with labels and a numpy array.
pub fn official(labels: &[u8], data: &[u8]) -> Vec<u8> {
    pickled("fine_labels", labels, data)
}

/// The same of CIFAR-10 or CIFAR-100, by the name of the list of labels.
fn pickled(key: &str, labels: &[u8], data: &[u8]) -> Vec<u8> {
    let mut out = b"\x80\x02}q\x01(".to_vec();
    out.extend([b'U', key.len() as u8]);
    out.extend(key.as_bytes());
    out.extend(b"q\x02]q\x03(");
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

fn pickled_names(key: &str) -> Vec<u8> {
    let mut meta = b"\x80\x02}q\x01(".to_vec();
    meta.extend([b'U', key.len() as u8]);
    meta.extend(key.as_bytes());
    meta.extend(b"](");
    for name in CLASSES {
        meta.extend([b'U', name.len() as u8]);
        meta.extend(name.as_bytes());
    }
    meta.extend(b"eu.");
    meta
}

const CLASSES: [&str; 3] = ["apple", "beetle", "clock"];

/// Names and contents.
pub type Files = Vec<(String, Vec<u8>)>;

/// The four published forms, small: the name of the folder, of the archive, and the files. Image `i`
/// of a part shows `i` (of the test part 100 + `i`) in red, and is of class `i % 3`.
pub fn forms() -> [(&'static str, &'static str, Files); 4] {
    let planes = |i: u8| [[i; 1024], [50; 1024], [60; 1024]].concat();
    let records = |labels: usize, images: &[u8]| -> Vec<u8> {
        let record = |&i: &u8| [vec![i % 100 % 3; labels], planes(i)].concat();
        images.iter().flat_map(record).collect()
    };
    let pickle = |key: &str, images: &[u8]| {
        let labels: Vec<u8> = images.iter().map(|i| i % 100 % 3).collect();
        pickled(key, &labels, &images.iter().flat_map(|&i| planes(i)).collect::<Vec<u8>>())
    };
    let text = CLASSES.join("\n") + "\n\n";
    let ten = |ending: &str, test: &str, make: &dyn Fn(&[u8]) -> Vec<u8>| {
        let mut files: Vec<(String, Vec<u8>)> = (0..5u8)
            .map(|n| (format!("data_batch_{}{ending}", n + 1), make(&[2 * n, 2 * n + 1])))
            .collect();
        files.push((test.to_string(), make(&[100, 101])));
        files
    };
    let mut python_ten = ten("", "test_batch", &|images| pickle("labels", images));
    python_ten.push(("batches.meta".to_string(), pickled_names("label_names")));
    let mut binary_ten = ten(".bin", "test_batch.bin", &|images| records(1, images));
    binary_ten.push(("batches.meta.txt".to_string(), text.clone().into()));
    let all: Vec<u8> = (0..10).collect();
    let file = |name: &str, bytes: Vec<u8>| (name.to_string(), bytes);
    let python = vec![
        file("meta", pickled_names("fine_label_names")),
        file("train", pickle("fine_labels", &all)),
        file("test", pickle("fine_labels", &[100, 101])),
    ];
    let binary = vec![
        file("train.bin", records(2, &all)),
        file("test.bin", records(2, &[100, 101])),
        file("fine_label_names.txt", text.into()),
    ];
    [
        ("cifar-100-python", "cifar-100-python.tar.gz", python),
        ("cifar-100-binary", "cifar-100-binary.tar.gz", binary),
        ("cifar-10-batches-py", "cifar-10-python.tar.gz", python_ten),
        ("cifar-10-batches-bin", "cifar-10-binary.tar.gz", binary_ten),
    ]
}

/// A `.tar` and a `.tar.gz` of a folder with files.
pub fn archives(folder: &str, files: &[(String, Vec<u8>)]) -> [Vec<u8>; 2] {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("{folder}/{name}"), &bytes[..]).unwrap();
    }
    let tar = tar.into_inner().unwrap();
    let packed = gzip(&tar);
    [tar, packed]
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gz, bytes).unwrap();
    gz.finish().unwrap()
}

fn archive(folder: &str, files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let [_, packed] = archives(folder, files);
    packed
}

fn write_files(folder: &Path, files: &[(String, Vec<u8>)]) {
    std::fs::create_dir_all(folder).unwrap();
    files.iter().for_each(|(name, bytes)| std::fs::write(folder.join(name), bytes).unwrap());
}

#[test]
fn every_published_form_is_read_unpacked_and_packed() {
    for (folder, archived, files) in forms() {
        let root = tempfile::tempdir().unwrap();
        let unpacked = root.path().join("around").join(folder);
        write_files(&unpacked, &files);
        let packed = root.path().join(archived);
        std::fs::write(&packed, archive(folder, &files)).unwrap();
        let around = root.path().join("around");
        for path in [unpacked.as_path(), &around, &packed, root.path()] {
            let [train, test] =
                [Split::Train, Split::Test].map(|split| Cifar::open(path, split).unwrap());
            let name = if folder.contains("100") { "CIFAR-100" } else { "CIFAR-10" };
            assert_eq!((train.name(), train.classes()), (name, &CLASSES.map(String::from)[..]));
            assert_eq!((train.len(), test.len()), (10, 2), "{folder}");
            for i in 0..10 {
                assert_eq!(train.label(i), i as u32 % 3);
                assert_eq!(train.image(i).unwrap().pixel(7, 9), [i as u8, 50, 60]);
            }
            assert_eq!(test.image(1).unwrap().pixel(31, 31), [101, 50, 60]);
            assert_eq!(train.place(9), "image 9 of train");
        }
    }
}

#[test]
fn two_data_sets_in_one_folder_are_not_guessed_between() {
    let root = tempfile::tempdir().unwrap();
    let [hundred, _, _, ten] = forms();
    write_files(&root.path().join(hundred.0), &hundred.2);
    std::fs::write(root.path().join(ten.1), archive(ten.0, &ten.2)).unwrap();
    let error = refused(Cifar::open(root.path(), Split::Train));
    assert!(error.starts_with("both CIFAR-10 and CIFAR-100 lie here"), "{error}");
    assert_eq!(Cifar::open(root.path().join(ten.1), Split::Train).unwrap().name(), "CIFAR-10");
}

#[test]
fn broken_records_and_archives_are_errors_that_name_them() {
    let root = tempfile::tempdir().unwrap();
    let [_, (folder, archived, files), ..] = forms();
    let refused_with = |change: &dyn Fn(&mut Files)| {
        let mut files = files.clone();
        change(&mut files);
        let unpacked = root.path().join(folder);
        write_files(&unpacked, &files);
        let packed = root.path().join(archived);
        std::fs::write(&packed, archive(folder, &files)).unwrap();
        let errors = [unpacked, packed].map(|path| refused(Cifar::open(path, Split::Train)));
        let file = |error: &str| error.split("\n").next().unwrap().to_string();
        let [a, b] = errors.each_ref().map(|e| file(e));
        assert_eq!(a, b.replace(&format!("{archived}/"), ""));
        a
    };
    let error = refused_with(&|files| files[0].1.truncate(5000));
    assert!(error.starts_with("5000 bytes are no records of 3074"), "{error}");
    assert!(error.ends_with("cifar-100-binary/train.bin"), "{error}");
    assert!(refused_with(&|files| files[0].1.clear()).starts_with("0 bytes are no records"));
    let error = refused_with(&|files| files[0].1[3074 + 1] = 3);
    assert!(error.starts_with("label 1 is 3, expected a number below 3"), "{error}");
    assert!(refused_with(&|files| files[2].1.clear()).starts_with("no names of classes"));
    let error = refused_with(&|files| files[2].1 = vec![0xff]);
    assert!(error.starts_with("the names of the classes are no text"), "{error}");

    let packed = root.path().join(archived);
    let whole = archive(folder, &files);
    let open = |bytes: &[u8]| {
        std::fs::write(&packed, bytes).unwrap();
        let error = refused(Cifar::open(&packed, Split::Train));
        assert!(error.contains(archived), "{error}");
        error
    };
    assert!(open(b"").starts_with("cannot read an archive (.tar.gz)"));
    assert!(open(b"PK\x03\x04").starts_with("cannot read an archive (.tar.gz)"));
    assert!(open(&whole[..whole.len() / 2]).starts_with("cannot read an archive (.tar.gz)"));
    let error = open(&archive("else", &[("readme".to_string(), b"hello".to_vec())]));
    assert!(error.starts_with("an archive without CIFAR in it"), "{error}");
    let error = open(&archive(folder, &files[1..]));
    assert!(error.starts_with("CIFAR-100 lacks the file train.bin"), "{error}");
}

/// A folder with three classes, two images to train and one to test.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("meta"), pickled_names("fine_label_names")).unwrap();
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
    assert!(error.starts_with("there is no CIFAR-10 or CIFAR-100 here: "), "{error}");
    assert!(error.contains("nowhere") && error.contains("--data DIR"), "{error}");
    assert!(
        error.contains("cifar-100-python or cifar-100-python.tar.gz, cifar-100-binary or"),
        "{error}"
    );
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
    assert!(open("train", b"").contains("not a pickle of CIFAR"));
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
