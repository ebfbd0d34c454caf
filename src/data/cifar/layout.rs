//! The four forms in which CIFAR is published, and which of them lies somewhere.

use std::path::{Path, PathBuf};

use super::super::dataset::{DataError, Split};

/// A published form: its files are those of one folder, and of one archive.
#[derive(Debug, PartialEq, Eq)]
pub struct Layout {
    /// Of the data set.
    pub name: &'static str,
    pub folder: &'static str,
    train: &'static [&'static str],
    test: &'static [&'static str],
    /// Holds the names of the classes.
    pub names: &'static str,
    pub form: Form,
}

/// How a file holds its images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A pickled dictionary; these entries hold the labels and, in another file, their names.
    Pickle { labels: &'static str, names: &'static str },
    /// Records: so many bytes of labels, the last one counts, and an image.
    Records { label_bytes: usize },
}

/// All of them; of two that hold the same images the first is read.
pub const LAYOUTS: [&Layout; 4] = [
    &Layout {
        name: "CIFAR-100",
        folder: "cifar-100-python",
        train: &["train"],
        test: &["test"],
        names: "meta",
        form: Form::Pickle { labels: "fine_labels", names: "fine_label_names" },
    },
    &Layout {
        name: "CIFAR-100",
        folder: "cifar-100-binary",
        train: &["train.bin"],
        test: &["test.bin"],
        names: "fine_label_names.txt",
        form: Form::Records { label_bytes: 2 },
    },
    &Layout {
        name: "CIFAR-10",
        folder: "cifar-10-batches-py",
        train: &["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"],
        test: &["test_batch"],
        names: "batches.meta",
        form: Form::Pickle { labels: "labels", names: "label_names" },
    },
    &Layout {
        name: "CIFAR-10",
        folder: "cifar-10-batches-bin",
        train: &[
            "data_batch_1.bin",
            "data_batch_2.bin",
            "data_batch_3.bin",
            "data_batch_4.bin",
            "data_batch_5.bin",
        ],
        test: &["test_batch.bin"],
        names: "batches.meta.txt",
        form: Form::Records { label_bytes: 1 },
    },
];

impl Layout {
    /// The files of a part, in the order of their images.
    pub fn files(&self, split: Split) -> &'static [&'static str] {
        match split {
            Split::Train => self.train,
            Split::Test => self.test,
        }
    }

    fn all(&self) -> impl Iterator<Item = &'static str> {
        self.train.iter().chain(self.test).copied().chain([self.names])
    }

    /// The files that a folder lacks.
    fn missing(&self, folder: &Path) -> Vec<&'static str> {
        self.all().filter(|name| !folder.join(name).is_file()).collect()
    }

    /// `cifar-10-binary.tar.gz`.
    fn archive(&self) -> String {
        let set = self.name.to_ascii_lowercase();
        let form = match self.form {
            Form::Pickle { .. } => "python",
            Form::Records { .. } => "binary",
        };
        format!("{set}-{form}.tar.gz")
    }
}

/// Where a form lies.
pub enum Place {
    /// Its files, in this folder.
    Folder(&'static Layout, PathBuf),
    /// All of them in this file; which form it is, its contents say.
    Archive(PathBuf),
}

/// What is read of `path`: the folder of a form, one around it, an archive or a folder with one.
pub fn find(path: &Path) -> Result<Place, DataError> {
    if path.is_file() {
        return Ok(Place::Archive(path.to_path_buf()));
    }
    let unpacked = LAYOUTS.iter().flat_map(|layout| {
        [path.to_path_buf(), path.join(layout.folder)].map(|folder| (*layout, folder))
    });
    let mut found: Vec<(&str, Place)> = unpacked
        .filter(|(layout, folder)| layout.missing(folder).is_empty())
        .map(|(layout, folder)| (layout.name, Place::Folder(layout, folder)))
        .collect();
    let packed = LAYOUTS.iter().map(|layout| (layout.name, path.join(layout.archive())));
    let packed = packed.filter(|(_, archive)| archive.is_file());
    found.extend(packed.map(|(name, archive)| (name, Place::Archive(archive))));
    let first = found.first().map(|(name, _)| *name);
    if found.iter().any(|(name, _)| Some(*name) != first) {
        let message = "both CIFAR-10 and CIFAR-100 lie here";
        let help = "name the folder or the archive of the one that is meant";
        return Err(DataError::new(message).at(path).help(help));
    }
    match found.into_iter().next() {
        Some((_, place)) => Ok(place),
        None => Err(nothing(path)),
    }
}

/// A form that is there in part is told apart from none at all.
fn nothing(path: &Path) -> DataError {
    for layout in LAYOUTS {
        for folder in [path.join(layout.folder), path.to_path_buf()] {
            let missing = layout.missing(&folder);
            if missing.len() < layout.all().count() {
                let (name, missing) = (layout.name, missing.join(", "));
                let message = format!("{name} lacks the file(s) {missing} in its folder");
                return DataError::new(message).at(folder).help(help());
            }
        }
    }
    DataError::new("there is no CIFAR-10 or CIFAR-100 here").at(path).help(help())
}

/// What was looked for, and where it is to be had.
pub fn help() -> String {
    let forms = LAYOUTS.map(|layout| format!("{} or {}", layout.folder, layout.archive()));
    format!(
        "looked for {}; download one of the archives from https://www.cs.toronto.edu/~kriz/ and name \
         its folder: `--data DIR`, or `data.files` in the text",
        forms.join(", ")
    )
}
