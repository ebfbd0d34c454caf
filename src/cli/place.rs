//! What a path on the command line names: the folder of a run, or a checkpoint.

use super::session::{Failure, load, whole};
use crate::diag::{Sources, say, typed};
use crate::spec::Keep;
use crate::train::RunFolder;
use std::path::{Path, PathBuf};

/// The folder of a run.
pub fn run(path: &Path) -> Result<RunFolder, Failure> {
    let folder = RunFolder::open(path);
    match [folder.record(), folder.last(), folder.best()].iter().any(|file| file.is_file()) {
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
    if folder.best().is_file() {
        let (gone, help) = (last.display(), whole(&last));
        return Err(Failure::new(format!("{gone} is gone, from which the run would go on{help}")));
    }
    let help = match text.is_file() {
        true => {
            // What it begins anew from lies in the folder itself.
            format!("begin anew, `cluec train {}`, and then remove {path}", typed(&text))
        }
        false => format!("remove {path} and begin anew"),
    };
    Err(Failure::new(format!(
        "there is no checkpoint in {path}: the run ended before its first one\n  help: nothing is lost; \
         {help}"
    )))
}

/// Refuses a file to write that is also read: one that the same command was given.
pub fn spare_given(file: &Path, given: &[&Path]) -> Result<(), Failure> {
    let Ok(whole) = file.canonicalize() else { return Ok(()) };
    match given.iter().any(|given| given.canonicalize().is_ok_and(|given| given == whole)) {
        true => Err(Failure::new(format!(
            "{} is what this is made from, and would be lost\n  help: name another file",
            file.display()
        ))),
        false => Ok(()),
    }
}

/// Refuses a file to write that is a text of the language, or a checkpoint of a run: what only they know
/// would be lost.
pub fn spare(file: &Path) -> Result<(), Failure> {
    // What is not there yet is nobody's.
    let Ok(whole) = file.canonicalize() else { return Ok(()) };
    let folder = RunFolder::open(whole.parent().unwrap_or(Path::new("")));
    // A run's own copy of its text is written by the run.
    let text = whole.extension().is_some_and(|ending| ending == "clue") && whole != folder.source();
    if whole.is_file() && text {
        let file = file.display();
        return Err(Failure::new(format!(
            "{file} is a text of the language, which would be lost\n  help: name another file"
        )));
    }
    let marks = [folder.record(), folder.metrics(), folder.source()];
    let of_run = marks.iter().any(|mark| mark.is_file());
    if of_run && [folder.last(), folder.best()].contains(&whole) {
        let file = file.display();
        return Err(Failure::new(format!(
            "{file} is a checkpoint of a run, which would be lost\n  help: name another file"
        )));
    }
    Ok(())
}

/// The checkpoint that is meant: of a run the best or the last one, as its recipe keeps; the best one
/// where the last one is gone.
pub fn checkpoint(path: &Path) -> Result<PathBuf, Failure> {
    if !path.is_dir() {
        return Ok(path.to_path_buf());
    }
    let folder = run(path)?;
    if !folder.last().is_file() && folder.best().is_file() {
        let (last, best) = (folder.last(), folder.best());
        say(format!("warning: {} is gone; this is {}", last.display(), best.display()));
        return Ok(best);
    }
    let last = last(&folder)?;
    let source = load(&last)?.meta.source;
    let (program, _) = crate::compile_text(&mut Sources::default(), "model.clue", &source, &[]);
    let recipe = program.models.first().and_then(|model| model.recipe.as_ref());
    let best = recipe.is_some_and(|recipe| *recipe.keep == Keep::Best);
    if best && !folder.best().is_file() {
        // A run that goes on has none before its first evaluation.
        let (gone, this) = (folder.best(), last.display());
        say(format!("warning: there is no {}; this is {this}", gone.display()));
        return Ok(last);
    }
    Ok(if best { folder.best() } else { last })
}
