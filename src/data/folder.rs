//! Image files, one folder per class.

use std::fs;
use std::path::{Path, PathBuf};

use super::dataset::{DataError, Dataset, Split};
use super::image::Image;
use crate::exec::random::{Random, Site};

const HELP: &str = "expected one folder per class with JPEG or PNG files in it, \
    or the folders `train` and `val` (or `test`) that hold such folders";

/// JPEG and PNG files; the class of a file is the folder it lies in.
///
/// Classes and files are sorted by name. Other files, hidden files and folders within a class are
/// passed over.
#[derive(Debug)]
pub struct ImageFolder {
    name: String,
    classes: Vec<String>,
    files: Vec<(PathBuf, u32)>,
}

impl ImageFolder {
    /// A part of a folder. Where the folder holds `train` and `val` (or `test`) these are the parts;
    /// else `part` of each class, drawn by `seed` and at least one image, trains and the rest tests.
    pub fn open(
        root: impl AsRef<Path>,
        split: Split,
        part: f64,
        seed: u64,
    ) -> Result<ImageFolder, DataError> {
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
            _ => undivided(root, split, part, seed)?,
        };
        if out.files.is_empty() {
            let message = format!("no images are left to {}", split.name());
            return Err(DataError::new(message).at(root).help("take another part for training"));
        }
        Ok(out)
    }

    /// All images of a folder of class folders.
    pub fn whole(root: impl AsRef<Path>) -> Result<ImageFolder, DataError> {
        let root = root.as_ref();
        let classes = class_names(root)?;
        let mut files = Vec::new();
        for (label, class) in classes.iter().enumerate() {
            files.extend(class_files(&root.join(class))?.into_iter().map(|f| (f, label as u32)));
        }
        Ok(ImageFolder { name: name_of(root), classes, files })
    }

    /// Where image `i` lies.
    pub fn file(&self, i: usize) -> &Path {
        &self.files[i].0
    }
}

impl Dataset for ImageFolder {
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

    fn image(&self, i: usize) -> Result<Image, DataError> {
        decode(&self.files[i].0)
    }
}

/// Reads a JPEG or PNG file, told apart by content, as RGB: gray is repeated, a palette looked up,
/// alpha dropped.
pub fn decode(file: &Path) -> Result<Image, DataError> {
    let fail = |message: String| {
        DataError::new(message).at(file).help("replace or remove this file: it must be JPEG or PNG")
    };
    let reader = image::ImageReader::open(file)
        .and_then(|reader| reader.with_guessed_format())
        .map_err(|e| fail(format!("cannot read an image: {e}")))?;
    let image = reader.decode().map_err(|e| fail(format!("cannot decode an image: {e}")))?;
    let rgb = image.into_rgb8();
    let (width, height) = (rgb.width() as usize, rgb.height() as usize);
    Ok(Image { height, width, pixels: rgb.into_raw() })
}

fn divided(root: &Path, train: &Path, test: &Path, split: Split) -> Result<ImageFolder, DataError> {
    let classes = class_names(train)?;
    let tested = class_names(test)?;
    if classes != tested {
        let only = |a: &[String], b: &[String]| {
            a.iter().filter(|x| !b.contains(x)).cloned().collect::<Vec<_>>().join(", ")
        };
        let message = format!(
            "the parts have different classes: only in {}: [{}], only in {}: [{}]",
            name_of(train),
            only(&classes, &tested),
            name_of(test),
            only(&tested, &classes),
        );
        let help = "both folders must hold the same class folders";
        return Err(DataError::new(message).at(root).help(help));
    }
    let part = ImageFolder::whole(if split == Split::Train { train } else { test })?;
    Ok(ImageFolder { name: name_of(root), ..part })
}

fn undivided(root: &Path, split: Split, part: f64, seed: u64) -> Result<ImageFolder, DataError> {
    let mut out = ImageFolder::whole(root)?;
    let mut kept = Vec::new();
    for label in 0..out.classes.len() as u32 {
        let files: Vec<_> = out.files.iter().filter(|f| f.1 == label).cloned().collect();
        let chosen = draw(files.len(), part, split, seed, label);
        kept.extend(chosen.into_iter().map(|i| files[i].clone()));
    }
    out.files = kept;
    Ok(out)
}

/// Which of `n` files of a class belong to a part, in increasing order.
fn draw(n: usize, part: f64, split: Split, seed: u64, label: u32) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    Random::new(seed, 0, label.into(), Site::Split).permute(&mut order);
    let train = ((part * n as f64).round() as usize).clamp(n.min(1), n);
    let mut chosen = match split {
        Split::Train => order[..train].to_vec(),
        Split::Test => order[train..].to_vec(),
    };
    chosen.sort_unstable();
    chosen
}

fn name_of(folder: &Path) -> String {
    folder.file_name().map_or_else(|| "images".into(), |n| n.to_string_lossy().into_owned())
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
    let is_image = |path: &Path| {
        let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        matches!(extension.as_deref(), Some("jpg" | "jpeg" | "png")) && path.is_file()
    };
    let all = entries(folder)?.into_iter().map(|(_, path)| path);
    let files: Vec<PathBuf> = all.filter(|path| is_image(path)).collect();
    if files.is_empty() {
        let message = "a class folder without images (.jpg, .jpeg or .png)";
        return Err(DataError::new(message).at(folder).help(HELP));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_disjoint_and_complete() {
        for n in [1, 2, 5, 40] {
            let train = draw(n, 0.8, Split::Train, 1, 3);
            let test = draw(n, 0.8, Split::Test, 1, 3);
            assert_eq!(train.len(), ((0.8 * n as f64).round() as usize).max(1));
            let mut all = [train, test].concat();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..n));
        }
        assert_ne!(draw(40, 0.5, Split::Train, 1, 3), draw(40, 0.5, Split::Train, 2, 3));
    }
}
