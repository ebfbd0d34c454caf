//! Image files with their classes.

use std::path::{Path, PathBuf};

use super::dataset::{DataError, Dataset, Split};
use super::decode::decode;
use super::divide::Division;
use super::image::Image;

/// JPEG, PNG and WebP files, each decoded when it is asked for.
#[derive(Debug)]
pub struct ImageFiles {
    pub(super) name: String,
    pub(super) classes: Vec<String>,
    pub(super) files: Vec<(PathBuf, u32)>,
    /// It is a part of a set.
    pub(super) divided: bool,
}

impl ImageFiles {
    /// Where image `i` lies.
    pub fn file(&self, i: usize) -> &Path {
        &self.files[i].0
    }

    /// A part of every class.
    pub(super) fn divide(self, split: Split, division: Division) -> ImageFiles {
        let files = division.take(self.files, self.classes.len(), split, |file| file.1);
        ImageFiles { files, divided: true, ..self }
    }
}

impl Dataset for ImageFiles {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> usize {
        self.files.len()
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn label(&self, i: usize) -> u32 {
        self.files[i].1
    }

    fn place(&self, i: usize) -> String {
        self.files[i].0.display().to_string()
    }

    /// The name of its file and how long that is.
    fn stamp(&self, i: usize) -> String {
        let file = &self.files[i].0;
        let length = std::fs::metadata(file).map_or(0, |about| about.len());
        format!("{} {length}", name_of(file))
    }

    fn is_divided(&self) -> bool {
        self.divided
    }

    fn image(&self, i: usize) -> Result<Image, DataError> {
        decode(&self.files[i].0)
    }
}

/// What a data set in a folder is called.
pub(super) fn name_of(folder: &Path) -> String {
    folder.file_name().map_or_else(|| "images".into(), |n| n.to_string_lossy().into_owned())
}

/// Classes of two parts must be the same.
pub(super) fn same_classes(
    root: &Path,
    [a, b]: [&[String]; 2],
    [first, second]: [&str; 2],
) -> Result<(), DataError> {
    if a == b {
        return Ok(());
    }
    let only = |a: &[String], b: &[String]| {
        a.iter().filter(|x| !b.contains(x)).cloned().collect::<Vec<_>>().join(", ")
    };
    let message = format!(
        "the parts have different classes: only in {first}: [{}], only in {second}: [{}]",
        only(a, b),
        only(b, a),
    );
    Err(DataError::new(message).at(root).help("both parts must have the same classes"))
}
