//! CIFAR-100 from its official Python pickles.
//!
//! Labels and names are read through a memory map that is given up again; an image is read from its
//! place in the file when it is asked for, so that the 150 MB of a part are never held.

use std::fs::File;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use super::dataset::{DataError, Dataset, Split};
use super::image::Image;
use crate::foreign::pickle::{Node, Pickle};

const SIDE: usize = 32;
const PLANE: usize = SIDE * SIDE;
const BYTES: usize = PLANE * 3;

const HELP: &str = "download https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz, unpack it, \
    and name the folder `cifar-100-python` it makes (with its files `train`, `test` and `meta`): \
    `--data DIR`, or `data.files` in the text";

/// CIFAR-100 with its 100 fine labels: 50,000 or 10,000 images of 32 x 32.
#[derive(Debug)]
pub struct Cifar {
    classes: Vec<String>,
    labels: Vec<u32>,
    /// Holds `[images, 3, 32, 32]` from byte `start` on.
    file: File,
    path: PathBuf,
    start: u64,
}

impl Cifar {
    /// Reads a part from `folder`, or from a folder `cifar-100-python` in it.
    pub fn open(folder: impl AsRef<Path>, split: Split) -> Result<Cifar, DataError> {
        let folder = find(folder.as_ref())?;
        let path = folder.join("meta");
        let classes = names(&map(&open(&path)?, &path)?, &path)?;
        let path = folder.join(split.name());
        let file = open(&path)?;
        let bytes = map(&file, &path)?;
        let pickle = parse(&bytes, &path)?;
        let labels = labels(&pickle, classes.len(), &path)?;
        let planes = planes(&pickle, labels.len(), &path)?;
        // The planes borrow from the map: their place in it is their place in the file.
        let start = (planes.as_ptr() as usize - bytes.as_ptr() as usize) as u64;
        Ok(Cifar { classes, labels, file, path, start })
    }
}

impl Dataset for Cifar {
    fn name(&self) -> &str {
        "CIFAR-100"
    }

    fn len(&self) -> usize {
        self.labels.len()
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn label(&self, i: usize) -> u32 {
        self.labels[i]
    }

    fn image(&self, i: usize) -> Result<Image, DataError> {
        let mut planes = [0; BYTES];
        let at = self.start + (i * BYTES) as u64;
        read_at(&self.file, &mut planes, at).map_err(|e| unreadable(&self.path, &e))?;
        let mut image = Image::black(SIDE, SIDE);
        for (at, pixel) in image.pixels.chunks_exact_mut(3).enumerate() {
            for (channel, x) in pixel.iter_mut().enumerate() {
                *x = planes[channel * PLANE + at];
            }
        }
        Ok(image)
    }
}

fn find(folder: &Path) -> Result<PathBuf, DataError> {
    let inner = folder.join("cifar-100-python");
    let folder = if inner.is_dir() { inner } else { folder.to_path_buf() };
    if !folder.is_dir() {
        let message = "there is no folder with CIFAR-100 here";
        return Err(DataError::new(message).at(folder).help(HELP));
    }
    let missing: Vec<&str> =
        ["train", "test", "meta"].into_iter().filter(|name| !folder.join(name).is_file()).collect();
    if missing.is_empty() {
        return Ok(folder);
    }
    let message = format!("CIFAR-100 lacks the file(s) {} in its folder", missing.join(", "));
    Err(DataError::new(message).at(folder).help(HELP))
}

fn open(file: &Path) -> Result<File, DataError> {
    File::open(file).map_err(|e| unreadable(file, &e))
}

fn unreadable(file: &Path, error: &std::io::Error) -> DataError {
    wrong(file, format!("cannot read: {error}"))
}

fn map(file: &File, path: &Path) -> Result<Mmap, DataError> {
    // SAFETY: the map is read within `Cifar::open` only; a file changed by another program in that
    // time would be read half old and half new, which the checks of its contents have to stand.
    unsafe { Mmap::map(file) }.map_err(|e| unreadable(path, &e))
}

/// Fills `bytes` from a place in the file, whatever else reads from it at the same time.
#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut at: u64) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, at)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            n => (bytes, at) = (&mut bytes[n..], at + n as u64),
        }
    }
    Ok(())
}

fn parse<'a>(bytes: &'a [u8], file: &Path) -> Result<Pickle<'a>, DataError> {
    Pickle::read(bytes).map_err(|e| {
        wrong(file, format!("not a pickle of CIFAR-100: byte {}: {}", e.at, e.message))
    })
}

fn wrong(file: &Path, message: impl Into<String>) -> DataError {
    DataError::new(message).at(file).help(HELP)
}

fn names(bytes: &[u8], file: &Path) -> Result<Vec<String>, DataError> {
    let pickle = parse(bytes, file)?;
    let Some(Node::List(items)) = pickle.entry("fine_label_names") else {
        return Err(wrong(file, "no list `fine_label_names`, the names of the classes"));
    };
    let names = items.iter().map(|&id| match pickle.node(id) {
        Node::Bytes(name) => Ok(String::from_utf8_lossy(name).into_owned()),
        _ => Err(wrong(file, "a class name in `fine_label_names` is no text")),
    });
    names.collect()
}

fn labels(pickle: &Pickle, classes: usize, file: &Path) -> Result<Vec<u32>, DataError> {
    let Some(Node::List(items)) = pickle.entry("fine_labels") else {
        return Err(wrong(file, "no list `fine_labels`, the classes of the images"));
    };
    let labels = items.iter().enumerate().map(|(i, &id)| match pickle.node(id) {
        Node::Int(label) if (0..classes as i64).contains(label) => Ok(*label as u32),
        Node::Int(label) => {
            let message = format!("label {i} is {label}, expected a number below {classes}");
            Err(wrong(file, message))
        }
        _ => Err(wrong(file, format!("label {i} is no number"))),
    });
    labels.collect()
}

/// The bytes of the array `data`: an array of numpy is a call of `_reconstruct` whose state is
/// (version, shape, type, column order, bytes).
fn planes<'a>(pickle: &Pickle<'a>, images: usize, file: &Path) -> Result<&'a [u8], DataError> {
    let expected = || {
        let message = format!("`data` is no numpy array of {images} x {BYTES} bytes");
        wrong(file, message)
    };
    let Some(&Node::Object { callable, state: Some(state), .. }) = pickle.entry("data") else {
        return Err(expected());
    };
    let Node::Global { name: b"_reconstruct", .. } = pickle.node(callable) else {
        return Err(expected());
    };
    let Node::Tuple(state) = pickle.node(state) else { return Err(expected()) };
    let &[_, shape, _, by_column, bytes] = state.as_slice() else { return Err(expected()) };
    let Node::Tuple(shape) = pickle.node(shape) else { return Err(expected()) };
    let shape: Vec<&Node> = shape.iter().map(|&id| pickle.node(id)).collect();
    let whole = [&Node::Int(images as i64), &Node::Int(BYTES as i64)];
    match (pickle.node(by_column), pickle.node(bytes)) {
        (Node::Bool(false), Node::Bytes(bytes)) if shape == whole => {
            (bytes.len() == images * BYTES).then_some(*bytes).ok_or_else(expected)
        }
        _ => Err(expected()),
    }
}
