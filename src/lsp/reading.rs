//! A text as it was last checked, with the files it uses.

use super::documents::Documents;
use super::homes::at_home;
use crate::diag::{SourceId, Sources};
use crate::model::{self, Study};
use std::path::{Path, PathBuf};

/// What checking an open text gave. Its own source is the first.
#[derive(Debug, Default)]
pub struct Reading {
    pub sources: Sources,
    pub study: Study,
}

impl Reading {
    /// Checks the text at `path`; files it uses are read as the editor shows them.
    pub fn of(documents: &Documents, path: &Path) -> Reading {
        let mut reading = Reading::checked(documents, path).unwrap_or_default();
        reading.study.diags = at_home(&reading, documents).into();
        reading
    }

    /// The same, every mistake with its places as the checks name them.
    pub fn checked(documents: &Documents, path: &Path) -> Option<Reading> {
        let mut sources = Sources::default();
        let text = documents.read(path).ok()?;
        let root = sources.add(path.to_string_lossy(), text);
        let study = model::check(
            &mut sources,
            &|path| documents.read(path),
            root,
            &[],
            model::Spoken::All,
            &crate::passes::warnings,
        );
        Some(Reading { sources, study })
    }

    pub fn path(&self, id: SourceId) -> PathBuf {
        PathBuf::from(&self.sources.get(id).name)
    }

    /// Whether another text at `path` may change what was found here.
    pub fn depends_on(&self, path: &Path) -> bool {
        let read = |id: &SourceId| Path::new(&self.sources.get(*id).name) == path;
        self.study.items.files.keys().any(read) || !self.study.items.partial.is_empty()
    }
}
