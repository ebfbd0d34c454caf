//! The folder of a run.

use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone)]
pub struct RunFolder {
    pub path: PathBuf,
}

impl RunFolder {
    /// A new folder `NAME` in `root`, or `NAME-2`, `NAME-3` … where that is taken.
    pub fn create(root: &Path, name: &str) -> io::Result<RunFolder> {
        std::fs::create_dir_all(root)?;
        let mut number = 1;
        loop {
            let name = if number == 1 { name.to_string() } else { format!("{name}-{number}") };
            let path = root.join(name);
            match std::fs::create_dir(&path) {
                Ok(()) => return Ok(RunFolder { path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// The folder of a run that exists.
    pub fn open(path: &Path) -> RunFolder {
        RunFolder { path: path.to_path_buf() }
    }

    pub fn source(&self) -> PathBuf {
        self.path.join("model.clue")
    }

    pub fn graph(&self) -> PathBuf {
        self.path.join("graph.txt")
    }

    pub fn metrics(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    pub fn curves(&self) -> PathBuf {
        self.path.join("curves.svg")
    }

    pub fn last(&self) -> PathBuf {
        self.path.join("last.safetensors")
    }

    pub fn best(&self) -> PathBuf {
        self.path.join("best.safetensors")
    }
}
