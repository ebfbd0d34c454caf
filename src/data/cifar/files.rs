//! Files of a folder or of a `.tar.gz`, read alike.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use memmap2::Mmap;

use super::super::dataset::DataError;
use super::super::read_at;

/// Bytes of an unpacked archive at most; the published ones have 186 million.
const MOST_UNPACKED: u64 = 256 << 20;

/// A file: on the disk, or held because it came out of an archive.
#[derive(Debug)]
pub struct Blob {
    pub path: PathBuf,
    bytes: Bytes,
}

#[derive(Debug)]
enum Bytes {
    File(File),
    Held(Vec<u8>),
}

impl Blob {
    pub fn open(path: PathBuf) -> Result<Blob, DataError> {
        match File::open(&path) {
            Ok(file) => Ok(Blob { path, bytes: Bytes::File(file) }),
            Err(error) => Err(unreadable(&path, &error)),
        }
    }

    /// Looks at all of it.
    pub fn with<T>(
        &self,
        look: impl FnOnce(&[u8]) -> Result<T, DataError>,
    ) -> Result<T, DataError> {
        match &self.bytes {
            Bytes::Held(bytes) => look(bytes),
            Bytes::File(file) => {
                // SAFETY: the map is read within this call only; a file changed by another program
                // in that time would be read half old and half new, which the checks of its
                // contents have to stand.
                let map = unsafe { Mmap::map(file) }.map_err(|e| unreadable(&self.path, &e))?;
                look(&map)
            }
        }
    }

    /// `length` bytes from a place, whatever else reads at the same time.
    pub fn part(&self, at: u64, length: usize) -> Result<Cow<'_, [u8]>, DataError> {
        let fail = |error: &io::Error| unreadable(&self.path, error);
        match &self.bytes {
            Bytes::Held(bytes) => {
                let at = usize::try_from(at).unwrap_or(usize::MAX);
                let part = at.checked_add(length).and_then(|end| bytes.get(at..end));
                part.map(Cow::Borrowed).ok_or_else(|| fail(&io::ErrorKind::UnexpectedEof.into()))
            }
            Bytes::File(file) => {
                let mut part = vec![0; length];
                read_at(file, &mut part, at).map_err(|e| fail(&e))?;
                Ok(Cow::Owned(part))
            }
        }
    }
}

/// Reads the files of an archive whose names, folders aside, are `wanted`.
pub fn unpack(
    archive: &Path,
    wanted: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, Blob>, DataError> {
    let fail = |error: io::Error| {
        let message = format!("cannot read an archive (.tar.gz): {error}");
        DataError::new(message).at(archive).help(super::layout::help())
    };
    let file = File::open(archive).map_err(fail)?;
    let unpacked = GzDecoder::new(file).take(MOST_UNPACKED);
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(unpacked).entries().map_err(fail)? {
        let mut entry = entry.map_err(fail)?;
        let inside = entry.path().map_err(fail)?.into_owned();
        let name = inside.file_name().map(|name| name.to_string_lossy().into_owned());
        let Some(name) = name.filter(|name| entry.header().entry_type().is_file() && wanted(name))
        else {
            continue;
        };
        let (said, mut bytes) = (entry.size(), Vec::new());
        entry.read_to_end(&mut bytes).map_err(fail)?;
        if bytes.len() as u64 != said {
            return Err(fail(io::Error::other(format!("`{name}` ends early"))));
        }
        files.insert(name, Blob { path: archive.join(inside), bytes: Bytes::Held(bytes) });
    }
    Ok(files)
}

pub fn unreadable(file: &Path, error: &io::Error) -> DataError {
    wrong(file, format!("cannot read: {error}"))
}

pub fn wrong(file: &Path, message: impl Into<String>) -> DataError {
    DataError::new(message).at(file).help(super::layout::help())
}
