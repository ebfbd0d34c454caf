//! The folder of a run.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Writes a file beside its place and moves it there when it is whole and on the disk, so that a
/// crash or a full disk leaves what was there. A link stays, and what it names is replaced; what is no
/// file, a device or a pipe, stays what it is and is written to.
pub fn replace(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let named = if path.is_symlink() { std::fs::canonicalize(path)? } else { path.to_path_buf() };
    replace_by(&named, &named.with_extension("draft"), write)
}

/// The same of a file that several processes may write at once, each by a draft of its own.
pub fn replace_by(
    path: &Path,
    draft: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    if std::fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        return OpenOptions::new().write(true).open(path).and_then(|mut file| write(&mut file));
    }
    let written = File::create(draft).and_then(|mut file| {
        write(&mut file)?;
        file.sync_all()
    });
    if let Err(error) = written.and_then(|()| std::fs::rename(draft, path)) {
        // What is left of the draft is worth nothing.
        let _ = std::fs::remove_file(draft);
        return Err(error);
    }
    // The rename itself must reach the disk; a file system that can not promise it has done its best.
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let _ = File::open(folder).and_then(|f| f.sync_all());
    Ok(())
}

/// An error of writing, with the file that it is about.
pub fn naming(path: &Path) -> impl Fn(io::Error) -> io::Error + '_ {
    named(path, "written")
}

/// An error of reading, likewise.
pub fn unread(path: &Path) -> impl Fn(io::Error) -> io::Error + '_ {
    named(path, "read")
}

fn named<'a>(path: &'a Path, what: &'a str) -> impl Fn(io::Error) -> io::Error + 'a {
    move |error| {
        let message = format!("{} can not be {what}: {error}", path.display());
        io::Error::new(error.kind(), message)
    }
}

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

    /// A new folder at this place, or the empty one there; whatever else is there stays.
    pub fn create_at(path: &Path) -> io::Result<RunFolder> {
        if path.exists() && !(path.is_dir() && std::fs::read_dir(path)?.next().is_none()) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        std::fs::create_dir_all(path)?;
        Ok(RunFolder { path: path.to_path_buf() })
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

    /// What the run says of itself.
    pub fn record(&self) -> PathBuf {
        self.path.join("run.json")
    }

    pub fn metrics(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    /// The metrics as a table.
    pub fn csv(&self) -> PathBuf {
        self.path.join("metrics.csv")
    }

    /// The metrics for TensorBoard, which knows such files by the middle of their name.
    pub fn events(&self) -> PathBuf {
        self.path.join("events.out.tfevents.0.cluec")
    }

    pub fn curves(&self) -> PathBuf {
        self.path.join("curves.svg")
    }

    /// What the range test showed, where the learning rate was to be found.
    pub fn rates(&self) -> PathBuf {
        self.path.join("lr.svg")
    }

    pub fn last(&self) -> PathBuf {
        self.path.join("last.safetensors")
    }

    pub fn best(&self) -> PathBuf {
        self.path.join("best.safetensors")
    }
}
