//! What the Python form's pickles hold.

use std::path::Path;

use super::super::dataset::DataError;
use super::BYTES;
use super::files::wrong;
use crate::foreign::pickle::{Node, Pickle};

pub fn parse<'a>(bytes: &'a [u8], file: &Path) -> Result<Pickle<'a>, DataError> {
    Pickle::read(bytes)
        .map_err(|e| wrong(file, format!("not a pickle of CIFAR: byte {}: {}", e.at, e.message)))
}

/// The class names under `key`.
pub fn names(pickle: &Pickle, key: &str, file: &Path) -> Result<Vec<String>, DataError> {
    let Some(Node::List(items)) = pickle.entry(key) else {
        return Err(wrong(file, format!("no list `{key}`, the names of the classes")));
    };
    let names = items.iter().map(|&id| match pickle.node(id) {
        Node::Bytes(name) => Ok(String::from_utf8_lossy(name).into_owned()),
        _ => Err(wrong(file, format!("a class name in `{key}` is no text"))),
    });
    names.collect()
}

/// The labels under `key`.
pub fn labels(
    pickle: &Pickle,
    key: &str,
    classes: usize,
    file: &Path,
) -> Result<Vec<u32>, DataError> {
    let Some(Node::List(items)) = pickle.entry(key) else {
        return Err(wrong(file, format!("no list `{key}`, the classes of the images")));
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
pub fn planes<'a>(pickle: &Pickle<'a>, images: usize, file: &Path) -> Result<&'a [u8], DataError> {
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
