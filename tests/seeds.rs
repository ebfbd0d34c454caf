//! The corpora of the fuzz targets: each seed is a file of its sort, so that fuzzing begins inside of
//! the readers.

use crate::data::cifar::gzip;
use crate::text::root;
use cluec::data::{Cifar, Dataset, Division, Split, decode_bytes, lists, parquet};
use cluec::foreign::TensorFile;
use cluec::runs::Store;
use cluec::train::Checkpoint;
use std::fs;

/// The names and bytes of a corpus.
fn corpus(of: &str) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(root().join("fuzz/corpus").join(of)).unwrap().map(|file| {
        let file = file.unwrap();
        (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())
    });
    let files: Vec<_> = files.collect();
    assert!(!files.is_empty(), "{of}");
    files
}

#[test]
fn every_seed_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let division = Division::keyed(0.8, 1);
    for (name, bytes) in corpus("image") {
        assert!(decode_bytes(&bytes).is_ok(), "{name}");
    }
    for (name, bytes) in corpus("archive") {
        fs::write(place("cifar.tar.gz"), gzip(&bytes)).unwrap();
        let set = Cifar::open(place("cifar.tar.gz"), Split::Test);
        assert!(set.as_ref().is_ok_and(|set| set.image(0).is_ok()), "{name}: {:?}", set.err());
    }
    for (name, bytes) in corpus("parquet") {
        fs::create_dir(place(&name)).unwrap();
        fs::write(place(&name).join("all.parquet"), bytes).unwrap();
        let set = parquet::open(place(&name), Split::Train, division);
        assert!(set.as_ref().is_ok_and(|set| set.image(0).is_ok()), "{name}: {:?}", set.err());
    }
    for (name, bytes) in corpus("list") {
        fs::write(place("train.csv"), bytes).unwrap();
        fs::write(place("1.png"), b"").unwrap();
        let set = lists::together(folder.path(), Split::Train, division);
        assert!(set.is_ok(), "{name}: {:?}", set.err());
    }
    for (name, bytes) in corpus("checkpoint") {
        let read = Checkpoint::read(&bytes);
        assert!(read.is_ok(), "{name}: {:?}", read.err());
    }
    for (name, bytes) in corpus("tensors") {
        let file = TensorFile::read(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(file.tensors().values().all(|tensor| file.load(tensor).is_ok()), "{name}");
    }
    for (name, bytes) in corpus("index") {
        fs::write(Store::path(folder.path()), bytes).unwrap();
        assert!(Store::open(folder.path()).unwrap().all().is_ok(), "{name}");
    }
}
