//! What a data set is, and how reading one fails.

use std::fmt;
use std::path::{Path, PathBuf};

use super::image::Image;
use crate::diag::visible;

/// Which part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    Train,
    Test,
}

impl Split {
    /// `"train"` or `"test"`.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Test => "test",
        }
    }

    /// What its images are called in a sentence.
    pub fn word(self) -> &'static str {
        match self {
            Split::Train => "training",
            Split::Test => "test",
        }
    }
}

/// Labeled images in a fixed order; reading one is safe from any thread.
pub trait Dataset: Send + Sync {
    /// For messages and reports.
    fn name(&self) -> &str;

    /// How many images.
    fn len(&self) -> usize;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Names of the classes; a label is an index into them.
    fn classes(&self) -> &[String];

    /// The class of image `i`, `i < len()`.
    fn label(&self, i: usize) -> u32;

    /// Where image `i` lies, for reports.
    fn place(&self, i: usize) -> String {
        format!("image {i}")
    }

    /// What tells image `i` from another in its place without reading it, wherever the data set lies.
    fn stamp(&self, i: usize) -> String {
        self.place(i)
    }

    /// Whether it is a part of one set that was divided here: which images are in it follows from what
    /// else lies there.
    fn is_divided(&self) -> bool {
        false
    }

    /// Where the object of image `i` is: 1 there, else 0, `[height, width]` of the stored image; none
    /// where nobody knows.
    fn mask(&self, _i: usize) -> Option<Vec<u8>> {
        None
    }

    /// Image `i`, `i < len()`, as stored: nothing augmented.
    fn image(&self, i: usize) -> Result<Image, DataError>;
}

/// Data could not be read: what was expected and found, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataError {
    pub message: String,
    /// The file or folder concerned.
    pub path: Option<PathBuf>,
    pub help: Option<String>,
}

impl DataError {
    pub fn new(message: impl Into<String>) -> DataError {
        DataError { message: message.into(), path: None, help: None }
    }

    pub fn at(mut self, path: impl AsRef<Path>) -> DataError {
        self.path = Some(path.as_ref().to_path_buf());
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> DataError {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(path) = &self.path {
            write!(f, ": {}", visible(&path.to_string_lossy()))?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

impl std::error::Error for DataError {}
