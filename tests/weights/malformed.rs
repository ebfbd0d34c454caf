//! Broken and hostile files are an error each: no panic, nothing run, nothing large allocated.

use super::{opened, small, torch};
use crate::allocation::within;
use cluec::foreign::TensorFile;
use cluec::weights::fit;
use proptest::prelude::*;
use std::io::{Cursor, Write};
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, ZipArchive};

fn refused(bytes: &[u8]) -> String {
    TensorFile::read(bytes.to_vec()).unwrap_err().to_string()
}

/// An archive as torch writes it.
fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, bytes) in members {
        zip.start_file(format!("x/{name}"), stored).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The pickle of `{"w": tensor}` on the storage `0` of four floats: begin, shape and strides.
fn pickle(start: i32, shape: &[i32], strides: &[i32]) -> Vec<u8> {
    let int = |n: i32| [&b"J"[..], &n.to_le_bytes()].concat();
    let tuple = |ns: &[i32]| {
        [&b"("[..], &ns.iter().flat_map(|&n| int(n)).collect::<Vec<u8>>(), b"t"].concat()
    };
    [
        &b"\x80\x02}U\x01wctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpu"[..],
        &int(4),
        b"tQ",
        &int(start),
        &tuple(shape),
        &tuple(strides),
        b"\x89NtRs.",
    ]
    .concat()
}

fn one(start: i32, shape: &[i32], strides: &[i32]) -> Vec<u8> {
    archive(&[("data.pkl", &pickle(start, shape, strides)), ("data/0", &[0; 16])])
}

#[test]
fn tensors_outside_of_their_storage_are_refused() {
    assert_eq!(TensorFile::read(one(1, &[3], &[1])).unwrap().tensors()["w"].shape, [3]);
    let error = |start, shape: &[i32], strides: &[i32]| refused(&one(start, shape, strides));
    assert_eq!(error(0, &[5], &[1]), "`w` has shape [5], and 4 numbers are stored of it");
    assert_eq!(error(2, &[3], &[1]), "`w` has shape [3], and 4 numbers are stored of it");
    // One number, two billion times, and more than a machine can count.
    assert!(error(0, &[i32::MAX], &[0]).starts_with("`w` has shape"));
    assert!(error(0, &[i32::MAX, i32::MAX, i32::MAX], &[0, 0, 0]).starts_with("`w` has shape"));
    assert!(error(0, &[2, 2], &[i32::MAX, i32::MAX]).starts_with("`w` has shape"));
    assert!(error(0, &[2, 2], &[1]).starts_with("`w` has shape"));
    assert_eq!(error(0, &[-1], &[1]), "`w` has a negative size");
}

/// The bytes of a file of safetensors with this header.
fn headed(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
}

#[test]
fn nothing_is_reserved_for_what_is_only_claimed() {
    within(1 << 20, || {
        // A header of 2^60 bytes, and one that claims a tensor of as many.
        let long = [&(1u64 << 60).to_le_bytes()[..], b"{}"].concat();
        assert!(!refused(&long).is_empty());
        let huge = 1u64 << 60;
        let tensor = |shape: &str, end: u64| {
            format!(r#"{{"w":{{"dtype":"F32","shape":{shape},"data_offsets":[0,{end}]}}}}"#)
        };
        assert!(!refused(&headed(&tensor(&format!("[{huge}]"), huge), &[0; 16])).is_empty());
        assert!(!refused(&headed(&tensor("[4]", huge), &[0; 16])).is_empty());
        assert!(!refused(&headed(&tensor(&format!("[{huge},{huge}]"), 16), &[0; 16])).is_empty());
        // No numbers at all are what a shape with a zero has, whatever else it says.
        let none = headed(&tensor(&format!("[{huge},0]"), 0), &[]);
        let file = TensorFile::read(none).unwrap();
        assert!(file.load(&file.tensors()["w"]).unwrap().is_empty());
        let file = TensorFile::read(one(0, &[i32::MAX, 0], &[1, 1])).unwrap();
        assert!(file.load(&file.tensors()["w"]).unwrap().is_empty());
    });
}

#[test]
fn what_is_no_checkpoint_says_what_it_is() {
    let of = |pickle: &[u8]| refused(&archive(&[("data.pkl", pickle), ("data/0", &[0; 16])]));
    insta::assert_snapshot!(
        [
            refused(b""),
            refused(b"PK\x03\x04 and no more"),
            refused(b"{\"format\": \"json\"}"),
            refused(&archive(&[("data/0", &[0; 16])])),
            of(b"\x80\x02N."),
            of(b"\x80\x02cCLUENet\nCLUE\n)\x81."),
            of(b"\x80\x02}U\x05epochK\x01s."),
            of(b"\x80\x02cos\nsystem\nU\x0btouch owned\x85R."),
            of(b"\x80\x02I1\n."),
            refused(&archive(&[("data.pkl", &pickle(0, &[1], &[1]))])),
            refused(&archive(&[
                ("data.pkl", &pickle(0, &[1], &[1])),
                ("data/0", &[0; 16]),
                ("byteorder", b"big")
            ])),
        ]
        .join("\n")
    );
    assert!(!std::path::Path::new("owned").exists());
}

#[test]
fn a_flipped_bit_is_found_by_its_check_sum() {
    let bytes = std::fs::read(torch("training.pth")).unwrap();
    let at = {
        let mut zip = ZipArchive::new(Cursor::new(&bytes)).unwrap();
        zip.by_name("training/data/0").unwrap().data_start().unwrap() as usize
    };
    let mut damaged = bytes.clone();
    damaged[at] ^= 1;
    let error = fit(&small(), &TensorFile::read(damaged).unwrap()).unwrap_err().to_string();
    assert_eq!(error, "the file is damaged: a check sum does not fit");
}

#[test]
fn every_beginning_of_a_file_is_an_error() {
    for name in ["training.pth", "legacy.pth", "answers.safetensors"] {
        let whole = std::fs::read(torch(name)).unwrap();
        for end in (0..whole.len()).step_by(97) {
            assert!(TensorFile::read(whole[..end].to_vec()).is_err(), "{name} {end}");
        }
    }
}

/// Everything there is to do with a file comes to an end, and takes no more than a few times its size.
fn survives(bytes: Vec<u8>) {
    within(64 * bytes.len() + (1 << 20), || used(bytes));
}

fn used(bytes: Vec<u8>) {
    let Ok(file) = TensorFile::read(bytes) else { return };
    file.tensors().values().for_each(|tensor| {
        let _ = file.load(tensor);
    });
    if let Err(error) = fit(&small(), &file) {
        let _ = error.to_string();
    }
}

pub fn mutated(mut bytes: Vec<u8>, changes: &[(prop::sample::Index, u8, u8)]) -> Vec<u8> {
    for &(at, what, byte) in changes {
        let at = at.index(bytes.len().max(1)).min(bytes.len().saturating_sub(1));
        match what {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, byte),
            2 => bytes[at..].iter_mut().take(4).for_each(|b| *b = 0xff),
            3 => {
                let end = bytes.len().min(at + usize::from(byte));
                bytes.drain(at..end);
            }
            _ => bytes[at..].iter_mut().take(1).for_each(|b| *b = byte),
        }
    }
    bytes
}

pub fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, u8)>> {
    prop::collection::vec((any::<prop::sample::Index>(), 0..9u8, any::<u8>()), 1..5)
}

proptest! {
    #![proptest_config(crate::robust::cases())]

    #[test]
    fn mutated_files(which in 0..3usize, changes in changes()) {
        let name = ["views.pth", "legacy.pth", "answers.safetensors"][which];
        survives(mutated(std::fs::read(torch(name)).unwrap(), &changes));
    }

    /// A wrong pickle in a sound archive.
    #[test]
    fn mutated_pickles(changes in changes()) {
        let text = {
            let bytes = std::fs::read(torch("training.pth")).unwrap();
            let mut zip = ZipArchive::new(Cursor::new(bytes)).unwrap();
            let mut text = Vec::new();
            std::io::copy(&mut zip.by_name("training/data.pkl").unwrap(), &mut text).unwrap();
            text
        };
        survives(archive(&[("data.pkl", &mutated(text, &changes)), ("data/0", &[0; 16])]));
    }

    #[test]
    fn any_pickle(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        survives(archive(&[("data.pkl", &bytes)]));
    }
}

#[test]
fn the_files_themselves_are_sound() {
    for name in ["training.pth", "views.pth", "legacy.pth", "answers.safetensors"] {
        let file = opened(name);
        assert!(file.tensors().values().all(|tensor| file.load(tensor).is_ok()), "{name}");
    }
}
