//! Image files named by CSV lists, as Mini-ImageNet is published: a line has the name of a file and
//! of its class.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::dataset::{DataError, Split};
use super::divide::Division;
use super::files::{ImageFiles, name_of, same_classes};

const HELP: &str = "expected lists such as `train.csv`, `val.csv` and `test.csv`, their first line \
    `filename,label`, and the images in a folder `images` beside them; name the folder with \
    `--data DIR`, or `data.files` in the text";

/// Columns that hold the name of a file, and of a class.
const FILE: [&str; 4] = ["filename", "file_name", "image", "path"];
const CLASS: [&str; 2] = ["label", "class"];

/// A part of what all lists of a folder name together: every class is divided.
pub fn together(
    root: impl AsRef<Path>,
    split: Split,
    division: Division,
) -> Result<ImageFiles, DataError> {
    let root = root.as_ref();
    let found = ["train.csv", "val.csv", "test.csv"].map(|name| root.join(name));
    let found = found.into_iter().filter(|path| path.is_file());
    let mut rows = Vec::new();
    let mut lists = 0;
    for list in found {
        rows.extend(read(&list)?);
        lists += 1;
    }
    if lists == 0 {
        return Err(DataError::new("there are no lists of images here").at(root).help(HELP));
    }
    let out = images(root, rows, split)?.divide(split, division);
    match out.files.is_empty() {
        true => {
            let message = format!("no images are left to {}", split.name());
            Err(DataError::new(message).at(root).help("take another part for training"))
        }
        false => Ok(out),
    }
}

/// What the list of a part names. The parts of a published division, `new_train.csv` and
/// `new_val.csv`, go before `train.csv` and `val.csv` (or `test.csv`).
pub fn apart(root: impl AsRef<Path>, split: Split) -> Result<ImageFiles, DataError> {
    let root = root.as_ref();
    let pairs = [["new_train", "new_val"], ["train", "val"], ["train", "test"]];
    let pairs = pairs.map(|pair| pair.map(|name| root.join(format!("{name}.csv"))));
    let pair = pairs.iter().find(|pair| pair.iter().all(|path| path.is_file()));
    let Some(pair) = pair else {
        let message = "there are no two lists here, one to train and one to test";
        return Err(DataError::new(message).at(root).help(HELP));
    };
    let [train, test] = [read(&pair[0])?, read(&pair[1])?];
    let names = pair.each_ref().map(|path| name_of(path));
    let classes = [class_names(&train), class_names(&test)];
    same_classes(root, [&classes[0], &classes[1]], [&names[0], &names[1]]).map_err(|error| {
        error.help("lists of different classes are put together and divided: `lists together`")
    })?;
    images(root, if split == Split::Train { train } else { test }, split)
}

/// File and class of every line.
fn read(list: &Path) -> Result<Vec<(String, String)>, DataError> {
    let fail = |message: String| DataError::new(message).at(list).help(HELP);
    let broken = |e: csv::Error| fail(format!("cannot read a list of images: {e}"));
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(list);
    let reader = reader.as_mut().map_err(|e| fail(format!("cannot read a list of images: {e}")))?;
    let head = reader.headers().map_err(broken)?.clone();
    let column = |names: &[&str]| {
        let found = head.iter().position(|cell| names.contains(&cell));
        found.ok_or_else(|| {
            let columns: Vec<&str> = head.iter().collect();
            fail(format!("no column `{}`; the columns are {}", names[0], columns.join(", ")))
        })
    };
    let (file, class) = (column(&FILE)?, column(&CLASS)?);
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row.map_err(broken)?;
        let (file, class) = (&row[file], &row[class]);
        if file.is_empty() || class.is_empty() {
            let line = row.position().map_or(0, |position| position.line());
            return Err(fail(format!("line {line} names no file or no class")));
        }
        rows.push((file.to_string(), class.to_string()));
    }
    if rows.is_empty() {
        return Err(fail("a list without images".into()));
    }
    Ok(rows)
}

fn class_names(rows: &[(String, String)]) -> Vec<String> {
    rows.iter().map(|row| &row.1).collect::<BTreeSet<_>>().into_iter().cloned().collect()
}

/// Classes are sorted by name; files stand as listed.
fn images(root: &Path, rows: Vec<(String, String)>, split: Split) -> Result<ImageFiles, DataError> {
    let inner = root.join("images");
    let folder = if inner.is_dir() { inner } else { root.to_path_buf() };
    let classes = class_names(&rows);
    let place = |class: &String| classes.binary_search(class).unwrap_or_default() as u32;
    let files: Vec<(PathBuf, u32)> =
        rows.iter().map(|(file, class)| (folder.join(file), place(class))).collect();
    // One that is missing is a broken image; all of them are a wrong folder.
    if files.iter().all(|(file, _)| !file.is_file()) {
        let message = format!("none of the images listed to {} is here", split.name());
        return Err(DataError::new(message).at(folder).help(HELP));
    }
    Ok(ImageFiles { name: name_of(root), classes, files, divided: false })
}
