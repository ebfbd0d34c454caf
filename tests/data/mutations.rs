//! Whatever becomes of a file, reading it ends in images or in an error that is one sentence.
//!
//! `CLUEC_CASES` says how many damaged files each test tries, 200 where it is not set.

use super::{cifar, decode, parquet};
use crate::allocation::within;
use cluec::data::{self, Cifar, Dataset, Division, Split, decode_bytes, lists};
use proptest::prelude::*;
use std::sync::OnceLock;

fn cases() -> ProptestConfig {
    let cases = std::env::var("CLUEC_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(200);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Bytes that may be asked for at once: for one image, and for files of a few kilobytes.
const MOST: usize = 1 << 30;
const FEW: usize = 64 << 20;

/// Damage to a file: places in it are parts of 65536.
#[derive(Debug, Clone)]
enum Damage {
    Byte(u16, u8),
    /// Four bytes, as lengths are.
    Word(u16, u32),
    Cut(u16),
    Gone(u16, u8),
    Twice(u16, u8),
}

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let word = prop_oneof![Just(0u32), Just(u32::MAX), Just(0x7fff_ffff), any::<u32>()];
    let one = prop_oneof![
        4 => (any::<u16>(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        2 => (any::<u16>(), word).prop_map(|(at, word)| Damage::Word(at, word)),
        1 => any::<u16>().prop_map(Damage::Cut),
        1 => (any::<u16>(), any::<u8>()).prop_map(|(at, n)| Damage::Gone(at, n)),
        1 => (any::<u16>(), any::<u8>()).prop_map(|(at, n)| Damage::Twice(at, n)),
    ];
    prop::collection::vec(one, 1..5)
}

fn damaged(whole: &[u8], damage: &[Damage]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for one in damage {
        // Half of the damage goes to the head of a file, where its lengths are.
        let place = |at: u16, length: usize| match at % 2 {
            0 => usize::from(at) % length.clamp(1, 256),
            _ => (usize::from(at) * length) >> 16,
        };
        let n = bytes.len();
        match *one {
            _ if n == 0 => {}
            Damage::Byte(at, byte) => bytes[place(at, n)] = byte,
            Damage::Word(at, word) => {
                let at = place(at, n);
                word.to_le_bytes().iter().zip(&mut bytes[at..]).for_each(|(b, to)| *to = *b);
            }
            Damage::Cut(at) => bytes.truncate(place(at, n)),
            Damage::Gone(at, length) => {
                let at = place(at, n);
                bytes.drain(at..n.min(at + usize::from(length)));
            }
            Damage::Twice(at, length) => {
                let at = place(at, n);
                let piece = bytes[at..n.min(at + usize::from(length))].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

/// Reads all there is to read.
fn exhaust(set: &dyn Dataset) {
    for i in 0..set.len().min(50) {
        assert!((set.label(i) as usize) < set.classes().len());
        let _ = (set.image(i), set.place(i));
    }
}

fn images() -> &'static [Vec<u8>] {
    static IMAGES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    IMAGES.get_or_init(|| {
        let mut all = vec![decode::jpeg(None), decode::jpeg(Some(6))];
        all.push(include_bytes!("cmyk.jpg").to_vec());
        all.extend(decode::lossless());
        all
    })
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn image_files(which in any::<prop::sample::Index>(), damage in damage()) {
        let bytes = damaged(&images()[which.index(images().len())], &damage);
        // A header that claims more than 512 MiB is refused.
        if let Ok(image) = within(MOST, || decode_bytes(&bytes)) {
            assert_eq!(image.pixels.len(), image.height * image.width * 3);
        }
    }

    #[test]
    fn files_of_cifar(form in 0..4usize, file in 0..7usize, damage in damage()) {
        let (folder, _, mut files) = cifar::forms()[form].clone();
        let file = file % files.len();
        files[file].1 = damaged(&files[file].1, &damage);
        let root = tempfile::tempdir().unwrap();
        let root = root.path().join(folder);
        std::fs::create_dir(&root).unwrap();
        files.iter().for_each(|(name, bytes)| std::fs::write(root.join(name), bytes).unwrap());
        for split in [Split::Train, Split::Test] {
            within(FEW, || Cifar::open(&root, split).iter().for_each(|set| exhaust(set)));
        }
    }

    #[test]
    fn archives_of_cifar(form in 0..4usize, packed in any::<bool>(), damage in damage()) {
        static TARS: OnceLock<Vec<[Vec<u8>; 2]>> = OnceLock::new();
        let tars = TARS.get_or_init(|| {
            cifar::forms().iter().map(|(folder, _, files)| cifar::archives(folder, files)).collect()
        });
        // Damage to the compressed bytes is mostly seen by their checksum; so the tar is damaged too.
        let bytes = match packed {
            true => damaged(&tars[form][1], &damage),
            false => cifar::gzip(&damaged(&tars[form][0], &damage)),
        };
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        within(FEW, || Cifar::open(file.path(), Split::Test).iter().for_each(|set| exhaust(set)));
    }

    #[test]
    fn lists_of_images(damage in damage()) {
        let root = tempfile::tempdir().unwrap();
        let rows: String = (0..20).map(|i| format!("\"image {i}.png\",n0{}\r\n", i % 3)).collect();
        let list = damaged(format!("filename,label\r\n{rows}").as_bytes(), &damage);
        std::fs::write(root.path().join("train.csv"), list).unwrap();
        std::fs::write(root.path().join("image 1.png"), b"").unwrap();
        let division = Division::keyed(0.8, 1);
        within(FEW, || {
            lists::together(root.path(), Split::Train, division).iter().for_each(|set| exhaust(set));
        });
    }

    #[test]
    fn files_of_parquet(which in 0..4usize, damage in damage(), tail in any::<bool>()) {
        let name = ["train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001", "words"][which];
        let whole = std::fs::read(parquet::file(name)).unwrap();
        // The footer is the longer half of it: damage to the rest goes to the pages alone.
        let middle = whole.len() / 2;
        let bytes = match tail {
            true => [&whole[..middle], &damaged(&whole[middle..], &damage)].concat(),
            false => [&damaged(&whole[..middle], &damage), &whole[middle..]].concat(),
        };
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("all.parquet"), bytes).unwrap();
        let division = Division::keyed(0.8, 1);
        within(FEW, || {
            let set = data::parquet::open(root.path(), Split::Train, division);
            set.iter().for_each(|set| exhaust(set));
        });
    }
}
