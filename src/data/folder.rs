//! Image files, one folder per class.
//!
//! Classes and files are sorted by name. Other files, hidden files and folders within a class are
//! passed over; a link to an image that is not there is an image that can not be read.

use std::fs;
use std::path::{Path, PathBuf};

use super::dataset::{DataError, Split};
use super::decode::is_image;
use super::divide::Division;
use super::files::{ImageFiles, name_of, same_classes};

const HELP: &str = "expected one folder per class with JPEG, PNG or WebP files in it, \
    or the folders `train` and `val` (or `test`) that hold such folders";

/// A part of a folder. Where the folder holds `train` and `val` (or `test`) these are the parts; else
/// every class is divided.
pub fn open(
    root: impl AsRef<Path>,
    split: Split,
    division: Division,
) -> Result<ImageFiles, DataError> {
    let root = root.as_ref();
    if !root.is_dir() {
        let help = format!("{HELP}; name it with `--data DIR`, or `data.files` in the text");
        return Err(DataError::new("there is no folder of images here").at(root).help(help));
    }
    let train = root.join("train");
    let test = ["val", "test"].map(|name| root.join(name)).into_iter().find(|p| p.is_dir());
    let out = match test {
        Some(test) if train.is_dir() => divided(root, &train, &test, split)?,
        // A class may be called `train`; one that holds classes is a part.
        None if train.is_dir() && class_names(&train).is_ok() => {
            let message = "a folder `train` of class folders without `val` or `test` beside it";
            return Err(DataError::new(message).at(root).help(
                "add the missing part, or name the folder `train` itself, which is then divided",
            ));
        }
        _ => whole(root)?.divide(split, division),
    };
    if out.files.is_empty() {
        let message = format!("no images are left to {}", split.name());
        return Err(DataError::new(message).at(root).help("take another part for training"));
    }
    Ok(out)
}

/// All images of a folder of class folders.
pub fn whole(root: impl AsRef<Path>) -> Result<ImageFiles, DataError> {
    let root = root.as_ref();
    let classes = class_names(root)?;
    let mut files = Vec::new();
    for (label, class) in classes.iter().enumerate() {
        files.extend(class_files(&root.join(class))?.into_iter().map(|f| (f, label as u32)));
    }
    Ok(ImageFiles { name: name_of(root), classes, files, divided: false })
}

fn divided(root: &Path, train: &Path, test: &Path, split: Split) -> Result<ImageFiles, DataError> {
    let classes = [class_names(train)?, class_names(test)?];
    same_classes(root, [&classes[0], &classes[1]], [&name_of(train), &name_of(test)])?;
    let part = whole(if split == Split::Train { train } else { test })?;
    Ok(ImageFiles { name: name_of(root), ..part })
}

/// Sorted names of what lies in a folder and is not hidden.
fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, DataError> {
    let fail = |e: std::io::Error| {
        DataError::new(format!("cannot list a folder of images: {e}")).at(folder).help(HELP)
    };
    let mut out = Vec::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            out.push((name, entry.path()));
        }
    }
    out.sort();
    Ok(out)
}

fn class_names(root: &Path) -> Result<Vec<String>, DataError> {
    let folders = entries(root)?.into_iter().filter(|(_, path)| path.is_dir());
    let names: Vec<String> = folders.map(|(name, _)| name).collect();
    if names.is_empty() {
        return Err(DataError::new("no class folders").at(root).help(HELP));
    }
    Ok(names)
}

fn class_files(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let all = entries(folder)?.into_iter().map(|(_, path)| path);
    let files: Vec<PathBuf> = all.filter(|path| is_image(path) && !path.is_dir()).collect();
    if files.is_empty() {
        let message = "a class folder without images (.jpg, .jpeg, .png or .webp)";
        return Err(DataError::new(message).at(folder).help(HELP));
    }
    Ok(files)
}
