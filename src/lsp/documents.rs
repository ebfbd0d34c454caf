//! The texts an editor has open, and the files beneath them.

use super::position::{Encoding, Lines};
use crate::diag::read_file;
use crate::model::tidy;
use gen_lsp_types::{TextDocumentContentChangeEvent as Change, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// An open text.
#[derive(Debug)]
pub struct Document {
    /// As the editor calls it.
    pub uri: Uri,
    pub version: i32,
    pub text: String,
}

impl Document {
    /// Applies the changes, one after the other.
    pub fn change(&mut self, version: i32, changes: Vec<Change>, encoding: Encoding) {
        self.version = version;
        for change in changes {
            match change {
                Change::TextDocumentContentChangePartial(part) => {
                    let bytes = Lines::new(&self.text, encoding).bytes(part.range);
                    self.text.replace_range(bytes, &part.text);
                }
                Change::TextDocumentContentChangeWholeDocument(whole) => self.text = whole.text,
            }
        }
    }
}

/// The open texts, by the path of their file. One without a file (`untitled:1`) has its address for a
/// path.
#[derive(Debug, Default)]
pub struct Documents(BTreeMap<PathBuf, Document>);

impl Documents {
    pub fn open(&mut self, path: PathBuf, document: Document) {
        self.0.insert(path, document);
    }

    pub fn close(&mut self, path: &Path) {
        self.0.remove(path);
    }

    pub fn get(&self, path: &Path) -> Option<&Document> {
        self.0.get(path)
    }

    pub fn get_mut(&mut self, path: &Path) -> Option<&mut Document> {
        self.0.get_mut(path)
    }

    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.keys().map(PathBuf::as_path)
    }

    /// The text of a file as the editor shows it, or else as it lies on disk.
    pub fn read(&self, path: &Path) -> std::io::Result<String> {
        match self.get(path) {
            Some(open) => Ok(open.text.clone()),
            None => read_file(path),
        }
    }

    /// What the editor calls a file.
    pub fn uri(&self, path: &Path) -> Uri {
        match self.get(path) {
            Some(open) => open.uri.clone(),
            None => address(path),
        }
    }
}

/// The path of a text: of its file, or its address.
pub fn path_of(uri: &Uri) -> PathBuf {
    let Some(file) = uri.0.strip_prefix("file://") else { return PathBuf::from(&uri.0) };
    // A host, if there is one, is this one.
    let path = file.find('/').map_or(file, |at| &file[at..]);
    let path = percent_decode_str(path).decode_utf8_lossy();
    let drive = path.as_bytes().get(2) == Some(&b':');
    tidy(Path::new(if cfg!(windows) && drive { &path[1..] } else { &path }))
}

/// What an address says as it is.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn address(path: &Path) -> Uri {
    let path = std::path::absolute(path).unwrap_or(path.to_path_buf());
    let path = path.to_string_lossy().replace('\\', if cfg!(windows) { "/" } else { "\\" });
    let root = if path.starts_with('/') { "" } else { "/" };
    Uri(format!("file://{root}{}", utf8_percent_encode(&path, PLAIN)))
}
