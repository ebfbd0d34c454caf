//! Runs that are removed.

use super::Named;
use crate::cli::number;
use std::collections::HashSet;
use std::io::{self, Write};
use std::path::Path;

/// A run that is to go, and one in its folder that is not.
pub fn holding<'a>(all: &'a [Named], chosen: &'a [Named]) -> Option<(&'a Named, &'a Named)> {
    let folder = |run: &Named| run.listed.folder.path.clone();
    let stays = |run: &&Named| !chosen.iter().any(|going| folder(going) == folder(run));
    chosen.iter().find_map(|going| {
        let inside = |run: &&Named| stays(run) && folder(run).starts_with(folder(going));
        Some((going, all.iter().find(inside)?))
    })
}

/// Each once, those that lie in another one's folder first.
pub fn once(mut runs: Vec<Named>) -> Vec<Named> {
    let whole = |run: &Named| {
        let folder = &run.listed.folder.path;
        folder.canonicalize().unwrap_or_else(|_| folder.clone())
    };
    runs.sort_by_key(|run| std::cmp::Reverse(whole(run).components().count()));
    let mut seen = HashSet::new();
    runs.retain(|run| seen.insert(whole(run)));
    runs
}

/// Says what goes, and removes it if that is meant.
pub fn prune(runs: &[Named], yes: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut sum = 0;
    for named in runs {
        let folder = &named.listed.folder.path;
        let size = size(folder)?;
        sum += size;
        if yes {
            std::fs::remove_dir_all(folder)?;
        }
        let state = named.listed.state.name();
        writeln!(out, "{}  {state}  {}", named.name, number::bytes(size))?;
    }
    let count = number::word(runs.len());
    let noun = number::plural(runs.len() as f64, "run");
    match yes {
        true => writeln!(out, "{count} {noun} removed, {}", number::bytes(sum)),
        false if runs.is_empty() => writeln!(out, "nothing to remove"),
        false => writeln!(out, "{count} {noun}, {}: remove with --yes", number::bytes(sum)),
    }
}

/// Bytes of the files that lie directly in a folder.
fn size(folder: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(folder)? {
        let about = entry?.metadata()?;
        sum += if about.is_file() { about.len() } else { 0 };
    }
    Ok(sum)
}
