//! Image classification as Hugging Face keeps it: Parquet files, a row an image and its label.
//!
//! When the data set is opened the labels are read and the pages of the images are looked up; an
//! image is read when it is asked for, without the rest of its page where that is possible
//! (`unpacked`). Own code, for what others offer reads whole row groups; it knows what such files
//! use: columns that do not repeat, plain or with a dictionary, as they are or packed by snappy or
//! gzip.

mod footer;
mod kept;
mod levels;
mod lookup;
mod page;
mod thrift;
mod unpacked;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::dataset::{DataError, Dataset, Split};
use super::decode::decode_bytes;
use super::divide::Division;
use super::files::{name_of, same_classes};
use super::image::Image;
use footer::{Column, Footer, Physical};
use kept::Kept;
use lookup::Lookup;
use page::Values;
use unpacked::Source;

const HELP: &str = "expected files such as `train-00000-of-00001.parquet` and `test-….parquet` (or \
    `validation-….parquet`) in a folder or its folder `data`; name it with `--data DIR`, or \
    `data.files` in the text";

/// Rows of Parquet files.
#[derive(Debug)]
pub struct Parquet {
    name: String,
    classes: Vec<String>,
    shards: Vec<Shard>,
    rows: Vec<Row>,
    /// They are a part of a set.
    divided: bool,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    shard: usize,
    row: usize,
    label: u32,
}

/// A file and where its images are.
#[derive(Debug)]
struct Shard {
    path: PathBuf,
    source: Source,
    images: Lookup,
}

/// What a file says of the labels of its rows.
enum Labels {
    /// Numbers of classes.
    Numbers(Vec<i64>),
    Names(Vec<String>),
}

/// A part of a folder of files. Without files to test, every class is divided.
pub fn open(
    root: impl AsRef<Path>,
    split: Split,
    division: Division,
) -> Result<Parquet, DataError> {
    let root = root.as_ref();
    let inner = root.join("data");
    let folder: &Path = if files(root)?.is_empty() && inner.is_dir() { &inner } else { root };
    let all = files(folder)?;
    let of = |parts: &[&str]| -> Vec<PathBuf> {
        let belongs = |path: &&PathBuf| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            name.is_some_and(|name| parts.iter().any(|part| name.starts_with(part)))
        };
        all.iter().filter(belongs).cloned().collect()
    };
    let train = of(&["train"]);
    let test = [of(&["test"]), of(&["validation", "valid", "val"])];
    let test = test.into_iter().find(|files| !files.is_empty());
    let out = match (train.is_empty(), test) {
        _ if all.is_empty() => {
            return Err(DataError::new("there are no Parquet files here").at(root).help(HELP));
        }
        (false, Some(test)) => {
            let parts = [read(root, &train)?, read(root, &test)?];
            let names = [&parts[0].classes[..], &parts[1].classes[..]];
            same_classes(root, names, ["train", "test"])?;
            let [train, test] = parts;
            if split == Split::Train { train } else { test }
        }
        (true, Some(_)) => {
            let message = "Parquet files to test without any to train";
            return Err(DataError::new(message).at(root).help(HELP));
        }
        // One set, whatever its files are called.
        (_, None) => {
            let whole = read(root, &all)?;
            let rows = division.take(whole.rows, whole.classes.len(), split, |row| row.label);
            Parquet { rows, divided: true, ..whole }
        }
    };
    match out.rows.is_empty() {
        true => {
            let message = format!("no images are left to {}", split.name());
            Err(DataError::new(message).at(root).help("take another part for training"))
        }
        false => Ok(out),
    }
}

/// The Parquet files of a folder, by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let fail = |e: std::io::Error| {
        DataError::new(format!("cannot list a folder of Parquet files: {e}")).at(folder).help(HELP)
    };
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if path.extension().is_some_and(|ending| ending == "parquet") && path.is_file() {
            out.push(path);
        }
    }
    out.sort();
    Ok(out)
}

/// All rows of some files.
fn read(root: &Path, paths: &[PathBuf]) -> Result<Parquet, DataError> {
    let mut known: Option<Vec<String>> = None;
    let (mut shards, mut labels) = (Vec::new(), Vec::new());
    let kept = Arc::<Kept>::default();
    for (number, path) in paths.iter().enumerate() {
        let fail = |message: String| DataError::new(message).at(path);
        let file = File::open(path).map_err(|e| fail(format!("cannot read: {e}")))?;
        let mut footer = Footer::read(&file).map_err(fail)?;
        let [images, label] = columns(&footer).map_err(fail)?;
        let names = class_names(&footer, &footer.columns[label].path);
        if let (Some(known), Some(names)) = (&known, &names)
            && known != names
        {
            return Err(fail("its classes are not those of the files before it".into()));
        }
        known = known.or(names);
        let read = labels_of(&file, &footer.columns[label], footer.rows).map_err(fail)?;
        labels.push(read);
        let images = footer.columns.swap_remove(images);
        let images = Lookup::of(&file, images).map_err(fail)?;
        let source = Source { file, number, kept: kept.clone() };
        shards.push(Shard { path: path.clone(), source, images });
    }
    let classes = known.map_or_else(|| named(&labels), Ok);
    let classes = classes.map_err(|message| DataError::new(message).at(root))?;
    let mut rows = Vec::new();
    for (shard, (labels, path)) in labels.iter().zip(paths).enumerate() {
        for (row, label) in numbered(labels, &classes).into_iter().enumerate() {
            let label = label.ok_or_else(|| {
                let message =
                    format!("the label of row {row} is none of {} classes", classes.len());
                DataError::new(message).at(path)
            })?;
            rows.push(Row { shard, row, label });
        }
    }
    Ok(Parquet { name: name_of(root), classes, shards, rows, divided: false })
}

/// The places of the images and of the labels among the columns: what the features call so, else by
/// their usual names.
fn columns(footer: &Footer) -> Result<[usize; 2], String> {
    let is = |name: &str, sort: &str| {
        let feature = footer.features.as_ref().and_then(|features| features.get(name));
        feature.is_some_and(|feature| feature.get("_type").is_some_and(|ty| ty == sort))
    };
    let all = || footer.columns.iter().enumerate();
    let image = |column: &Column| {
        column.physical == Physical::Bytes
            && matches!(&column.path[..], [name, bytes] if bytes == "bytes"
                && (footer.features.is_none() || is(name, "Image")))
    };
    let listed = || {
        let paths = footer.columns.iter().map(|column| column.path.join("."));
        paths.collect::<Vec<_>>().join(", ")
    };
    let images = all().find(|(_, column)| image(column)).map(|(at, _)| at);
    let images = images
        .ok_or_else(|| format!("no column of images with their `bytes`; there is {}", listed()))?;
    let single = |at: &usize| footer.columns[*at].path.len() == 1;
    let named = |name: &str| all().position(|(_, column)| column.path == [name]);
    let classes: Vec<usize> = all()
        .filter(|(_, column)| is(&column.path[0], "ClassLabel"))
        .map(|(at, _)| at)
        .filter(single)
        .collect();
    let label = match classes[..] {
        [only] => Some(only),
        _ => named("label").or_else(|| named("fine_label")),
    };
    let label = label.ok_or_else(|| format!("no column `label`; there is {}", listed()))?;
    Ok([images, label])
}

/// The names that the features give the classes.
fn class_names(footer: &Footer, path: &[String]) -> Option<Vec<String>> {
    let names = footer.features.as_ref()?.get(path.first()?)?.get("names")?.as_array()?;
    let names: Option<Vec<String>> =
        names.iter().map(|name| name.as_str().map(str::to_string)).collect();
    names.filter(|names| !names.is_empty())
}

fn labels_of(file: &File, column: &Column, rows: usize) -> Result<Labels, String> {
    let (mut numbers, mut names) = (Vec::new(), Vec::new());
    for chunk in &column.chunks {
        let (dictionary, pages) = page::pages(file, chunk)?;
        for page in pages {
            match page.read(file, column, dictionary.as_ref())? {
                Values::Ints(values) => numbers.extend(values.into_iter().map(|x| x.unwrap_or(-1))),
                Values::Bytes(values) => {
                    for text in values {
                        let text = text.filter(|text| !text.is_empty());
                        let text = text
                            .ok_or_else(|| format!("the label of row {} is empty", names.len()))?;
                        names.push(String::from_utf8_lossy(&text).into_owned());
                    }
                }
            }
        }
    }
    match (numbers.len() == rows, names.len() == rows) {
        (true, _) => Ok(Labels::Numbers(numbers)),
        (_, true) => Ok(Labels::Names(names)),
        _ => Err(format!("{} labels for {rows} rows", numbers.len() + names.len())),
    }
}

/// Classes without names given: the words there are, or the numbers up to the greatest.
fn named(labels: &[Labels]) -> Result<Vec<String>, String> {
    let mut words = BTreeSet::new();
    let mut greatest = -1;
    for labels in labels {
        match labels {
            Labels::Names(names) => words.extend(names.iter().cloned()),
            Labels::Numbers(numbers) => {
                greatest = numbers.iter().copied().fold(greatest, i64::max);
            }
        }
    }
    match (words.is_empty(), greatest) {
        (false, -1) => Ok(words.into_iter().collect()),
        (true, 0..100_000) => Ok((0..=greatest).map(|n| n.to_string()).collect()),
        (true, _) => Err(format!("a label {greatest} without names of classes")),
        (false, _) => Err("labels that are numbers in one file and words in another".into()),
    }
}

/// The class of every row; none where it is none of them.
fn numbered(labels: &Labels, classes: &[String]) -> Vec<Option<u32>> {
    match labels {
        Labels::Numbers(numbers) => {
            let number = |&n: &i64| u32::try_from(n).ok().filter(|&n| (n as usize) < classes.len());
            numbers.iter().map(number).collect()
        }
        Labels::Names(names) => {
            let place = |name: &String| classes.iter().position(|class| class == name);
            names.iter().map(|name| place(name).map(|at| at as u32)).collect()
        }
    }
}

impl Shard {
    fn image(&self, row: usize) -> Result<Image, String> {
        let image = self.images.read(&self.source, row, decode_bytes)?;
        image.unwrap_or_else(|| Err("a row without an image".into()))
    }
}

impl Dataset for Parquet {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn label(&self, i: usize) -> u32 {
        self.rows[i].label
    }

    fn place(&self, i: usize) -> String {
        let Row { shard, row, .. } = self.rows[i];
        format!("row {row} of {}", self.shards[shard].path.display())
    }

    fn stamp(&self, i: usize) -> String {
        let Row { shard, row, .. } = self.rows[i];
        format!("row {row} of {}", name_of(&self.shards[shard].path))
    }

    fn is_divided(&self) -> bool {
        self.divided
    }

    fn image(&self, i: usize) -> Result<Image, DataError> {
        let Row { shard, row, .. } = self.rows[i];
        self.shards[shard].image(row).map_err(|e| {
            DataError::new(format!("cannot decode the image of row {row}: {e}"))
                .at(&self.shards[shard].path)
                .help("remove this row: its image must be JPEG, PNG or WebP")
        })
    }
}
