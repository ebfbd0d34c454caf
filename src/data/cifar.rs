//! CIFAR-10 and CIFAR-100, as published: pickles or records, unpacked or in their archive.
//!
//! Labels and names are read when the data set is opened; an image is read from its place in the
//! file when it is asked for, so that the 150 MB of a part are never held. Only what comes out of an
//! archive is.

mod files;
mod layout;
mod pickled;

use std::collections::BTreeMap;
use std::path::Path;

use super::dataset::{DataError, Dataset, Split};
use super::image::Image;
use files::{Blob, wrong};
use layout::{Form, LAYOUTS, Layout, Place};

const SIDE: usize = 32;
const PLANE: usize = SIDE * SIDE;
const BYTES: usize = PLANE * 3;

/// CIFAR-10, or CIFAR-100 with its 100 fine labels: images of 32 x 32.
#[derive(Debug)]
pub struct Cifar {
    name: &'static str,
    split: Split,
    classes: Vec<String>,
    labels: Vec<u32>,
    files: Vec<Planes>,
}

/// A file whose images, `[3, 32, 32]`, lie `step` bytes apart from `start` on.
#[derive(Debug)]
struct Planes {
    blob: Blob,
    start: usize,
    step: usize,
    images: usize,
}

impl Cifar {
    /// Reads a part. `path` is the folder of a published form, one around it, an archive or a folder
    /// with one.
    pub fn open(path: impl AsRef<Path>, split: Split) -> Result<Cifar, DataError> {
        let path = path.as_ref();
        let (layout, mut blobs) = match layout::find(path)? {
            Place::Folder(layout, folder) => (layout, unpacked(layout, &folder, split)?),
            Place::Archive(archive) => packed(&archive, split)?,
        };
        let mut take = |name: &str| {
            let lacks = || wrong(path, format!("{} lacks the file {name}", layout.name));
            blobs.remove(name).ok_or_else(lacks)
        };
        let blob = take(layout.names)?;
        let classes = blob.with(|bytes| names(layout, bytes, &blob.path))?;
        let mut out =
            Cifar { name: layout.name, split, classes, labels: Vec::new(), files: Vec::new() };
        for name in layout.files(split) {
            let blob = take(name)?;
            let classes = out.classes.len();
            let (labels, start, step) =
                blob.with(|bytes| images(layout, bytes, classes, &blob.path))?;
            out.files.push(Planes { blob, start, step, images: labels.len() });
            out.labels.extend(labels);
        }
        Ok(out)
    }
}

fn unpacked(
    layout: &Layout,
    folder: &Path,
    split: Split,
) -> Result<BTreeMap<String, Blob>, DataError> {
    let names = layout.files(split).iter().chain([&layout.names]);
    names.map(|name| Ok((name.to_string(), Blob::open(folder.join(name))?))).collect()
}

/// Which form an archive holds follows from the file with the names of the classes.
fn packed(
    archive: &Path,
    split: Split,
) -> Result<(&'static Layout, BTreeMap<String, Blob>), DataError> {
    let wanted = |name: &str| {
        LAYOUTS.iter().any(|layout| layout.names == name || layout.files(split).contains(&name))
    };
    let blobs = files::unpack(archive, wanted)?;
    let layout = LAYOUTS.into_iter().find(|layout| blobs.contains_key(layout.names));
    let layout = layout.ok_or_else(|| wrong(archive, "an archive without CIFAR in it"))?;
    Ok((layout, blobs))
}

fn names(layout: &Layout, bytes: &[u8], file: &Path) -> Result<Vec<String>, DataError> {
    match layout.form {
        Form::Pickle { names, .. } => pickled::names(&pickled::parse(bytes, file)?, names, file),
        Form::Records { .. } => {
            let text = std::str::from_utf8(bytes)
                .map_err(|_| wrong(file, "the names of the classes are no text in UTF-8"))?;
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            let names: Vec<String> = lines.map(str::to_string).collect();
            if names.is_empty() {
                return Err(wrong(file, "no names of classes"));
            }
            Ok(names)
        }
    }
}

/// The labels of a file, where its first image begins and how far the next one is.
fn images(
    layout: &Layout,
    bytes: &[u8],
    classes: usize,
    file: &Path,
) -> Result<(Vec<u32>, usize, usize), DataError> {
    match layout.form {
        Form::Pickle { labels, .. } => {
            let pickle = pickled::parse(bytes, file)?;
            let labels = pickled::labels(&pickle, labels, classes, file)?;
            let planes = pickled::planes(&pickle, labels.len(), file)?;
            // The planes borrow from the file: their place in it is where they lie.
            let start = planes.as_ptr() as usize - bytes.as_ptr() as usize;
            Ok((labels, start, BYTES))
        }
        Form::Records { label_bytes } => {
            let record = label_bytes + BYTES;
            if bytes.is_empty() || !bytes.len().is_multiple_of(record) {
                let message = format!(
                    "{} bytes are no records of {record}: labels and 3 x 32 x 32 colors",
                    bytes.len()
                );
                return Err(wrong(file, message));
            }
            let labels: Vec<u32> =
                bytes.chunks(record).map(|record| record[label_bytes - 1].into()).collect();
            match labels.iter().position(|&label| label as usize >= classes) {
                None => Ok((labels, label_bytes, record)),
                Some(i) => {
                    let found = labels[i];
                    let message =
                        format!("label {i} is {found}, expected a number below {classes}");
                    Err(wrong(file, message))
                }
            }
        }
    }
}

impl Dataset for Cifar {
    fn name(&self) -> &str {
        self.name
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

    fn place(&self, i: usize) -> String {
        format!("image {i} of {}", self.split.name())
    }

    fn image(&self, i: usize) -> Result<Image, DataError> {
        let mut at = i;
        for file in &self.files {
            if at < file.images {
                let at = file.start + at * file.step;
                return Ok(interleaved(&file.blob.part(at as u64, BYTES)?));
            }
            at -= file.images;
        }
        Err(DataError::new(format!("there is no image {i}")))
    }
}

/// Planes of colors as pixels.
fn interleaved(planes: &[u8]) -> Image {
    let mut image = Image::black(SIDE, SIDE);
    for (at, pixel) in image.pixels.chunks_exact_mut(3).enumerate() {
        for (channel, x) in pixel.iter_mut().enumerate() {
            *x = planes[channel * PLANE + at];
        }
    }
    image
}
