//! What a path on the command line names: the folder of a run, or a checkpoint.

use super::session::{Failure, load};
use crate::diag::Sources;
use crate::spec::Keep;
use crate::train::RunFolder;
use std::path::{Path, PathBuf};

/// The folder of a run.
pub fn run(path: &Path) -> Result<RunFolder, Failure> {
    let folder = RunFolder::open(path);
    match folder.record().is_file() || folder.last().is_file() {
        true => Ok(folder),
        false => Err(no_run(path)),
    }
}

/// Why a path is refused that should be the folder of a run.
pub fn no_run(path: &Path) -> Failure {
    let path = path.display();
    Failure::new(format!("{path} is not the folder of a run\n  help: `cluec runs` lists them"))
}

/// Where a run stands.
pub fn last(folder: &RunFolder) -> Result<PathBuf, Failure> {
    let last = folder.last();
    if last.is_file() {
        return Ok(last);
    }
    let (path, text) = (folder.path.display(), folder.source());
    let anew = match text.is_file() {
        true => format!(", as with `cluec train {}`", text.display()),
        false => String::new(),
    };
    Err(Failure::new(format!(
        "there is no checkpoint in {path}: the run ended before its first one\n  help: nothing is lost; \
         remove the folder and begin anew{anew}"
    )))
}

/// The checkpoint that is meant: of a run the best or the last one, as its recipe keeps.
pub fn checkpoint(path: &Path) -> Result<PathBuf, Failure> {
    if !path.is_dir() {
        return Ok(path.to_path_buf());
    }
    let folder = run(path)?;
    let last = last(&folder)?;
    let source = load(&last)?.meta.source;
    let (program, _) = crate::compile_text(&mut Sources::default(), "model.clue", &source, &[]);
    let recipe = program.models.first().and_then(|model| model.recipe.as_ref());
    let best = recipe.is_some_and(|recipe| *recipe.keep == Keep::Best);
    Ok(if best && folder.best().is_file() { folder.best() } else { last })
}
