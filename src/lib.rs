//! `cluec`: a small declarative language and its compiler for vision models of the clustering
//! paradigm.
//!
//! ```text
//! text ─syntax→ tree ─model→ typed settings ─lower→ Graph ─passes→ Graph ─plan→ Plan ─exec→ numbers
//!         spans + errors      names end here    shapes + counts     a training step   memory
//! ```

pub mod blocks;
pub mod cli;
#[cfg(feature = "train")]
pub mod data;
pub mod diag;
pub mod exec;
#[cfg(feature = "train")]
pub mod foreign;
pub mod format;
pub mod graph;
pub mod lsp;
pub mod model;
pub mod passes;
pub mod plan;
#[cfg(feature = "train")]
pub mod report;
#[cfg(feature = "train")]
pub mod runs;
pub mod schema;
#[cfg(feature = "train")]
pub mod see;
pub mod spec;
pub mod syntax;
#[cfg(feature = "train")]
pub mod train;
#[cfg(feature = "train")]
pub mod weights;

use diag::{Argument, Diagnostic, Diags, SourceId, Sources};
use model::{Program, Spoken};
use std::io::Read;
use std::path::Path;

/// Reads, checks and lowers one file (`-`: standard input), as `sets` change it.
pub fn compile(sources: &mut Sources, file: &str, sets: &[Argument]) -> (Program, Diags) {
    compile_for(sources, file, Spoken::All, sets)
}

/// The same for a command that may speak of one model: the warnings of others are left out.
pub fn compile_for(
    sources: &mut Sources,
    file: &str,
    of: Spoken<'_>,
    sets: &[Argument],
) -> (Program, Diags) {
    match read(file) {
        Ok(text) => run(sources, file, &text, of, sets),
        Err(error) => (Program::default(), unreadable(file, &error)),
    }
}

/// The text of a file (`-`: standard input) and its canonical form, or the mistakes in the way.
pub fn format_file(sources: &mut Sources, file: &str) -> Result<(String, String), Diags> {
    let text = read(file).map_err(|error| unreadable(file, &error))?;
    let id = sources.add(file, text.as_str());
    Ok((text, format::format(sources, id)?))
}

fn unreadable(file: &str, error: &std::io::Error) -> Diags {
    let message = match error.kind() {
        std::io::ErrorKind::NotFound => format!("there is no file {file}"),
        _ => format!("{file} can not be read: {error}"),
    };
    vec![Diagnostic::error("E0202", message)].into()
}

/// The same of a text that is at hand already; `name` is what reports call it, and what its `use`
/// lines are relative to.
pub fn compile_text(
    sources: &mut Sources,
    name: &str,
    text: &str,
    sets: &[Argument],
) -> (Program, Diags) {
    run(sources, name, text, Spoken::All, sets)
}

/// The layers that spoke of a setting of a model in a text, and the sources they point into.
pub fn history(
    file: &str,
    text: &str,
    model: &str,
    path: &str,
    sets: &[Argument],
) -> (Sources, Vec<model::Step>) {
    let mut sources = Sources::default();
    let (root, sets) = roots(&mut sources, file, text, sets);
    let steps = model::history(&mut sources, &diag::read_file, root, &sets, model, path);
    (sources, steps)
}

fn run(
    sources: &mut Sources,
    file: &str,
    text: &str,
    of: Spoken<'_>,
    sets: &[Argument],
) -> (Program, Diags) {
    let (root, sets) = roots(sources, file, text, sets);
    let study = model::check(sources, &diag::read_file, root, &sets, of, &passes::warnings);
    (study.program, study.diags)
}

fn roots(
    sources: &mut Sources,
    file: &str,
    text: &str,
    sets: &[Argument],
) -> (SourceId, Vec<SourceId>) {
    let root = sources.add(file, text);
    (root, sets.iter().map(|set| sources.add(set.flag, set.text.as_str())).collect())
}

/// A file of the command line (`-`: standard input).
fn read(file: &str) -> std::io::Result<String> {
    if file != "-" {
        return diag::read_file(Path::new(file));
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    diag::decode(bytes)
}
