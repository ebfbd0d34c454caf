//! CIFAR-100 from its official Python pickles.

use std::path::{Path, PathBuf};

use super::dataset::{DataError, Dataset, Split};
use super::image::Image;
use super::pickle::{Node, Pickle};

const SIDE: usize = 32;
const PLANE: usize = SIDE * SIDE;
const BYTES: usize = PLANE * 3;

const HELP: &str = "the folder of CIFAR-100 holds the files `train`, `test` and `meta`; \
    unpack https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz and name the folder \
    `cifar-100-python` it makes";

/// CIFAR-100 with its 100 fine labels: 50,000 or 10,000 images of 32 x 32.
#[derive(Debug)]
pub struct Cifar {
    classes: Vec<String>,
    labels: Vec<u32>,
    /// `[images, 3, 32, 32]`
    planes: Vec<u8>,
}

impl Cifar {
    /// Reads a part from `folder`, or from a folder `cifar-100-python` in it.
    pub fn open(folder: impl AsRef<Path>, split: Split) -> Result<Cifar, DataError> {
        let folder = find(folder.as_ref())?;
        let file = folder.join("meta");
        let classes = names(&read(&file)?, &file)?;
        let file = folder.join(split.name());
        let bytes = read(&file)?;
        let pickle = parse(&bytes, &file)?;
        let labels = labels(&pickle, classes.len(), &file)?;
        let planes = planes(&pickle, labels.len(), &file)?.to_vec();
        Ok(Cifar { classes, labels, planes })
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
        let planes = &self.planes[i * BYTES..(i + 1) * BYTES];
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

fn read(file: &Path) -> Result<Vec<u8>, DataError> {
    std::fs::read(file).map_err(|e| DataError::new(format!("cannot read: {e}")).at(file).help(HELP))
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
        other => {
            let message = format!("label {i} is {other:?}, expected a number below {classes}");
            Err(wrong(file, message))
        }
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
