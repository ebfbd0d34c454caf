//! `cluec`: a small declarative language and its compiler for vision models of the clustering paradigm.

pub mod cli;
#[cfg(feature = "train")]
pub mod data;
pub mod diag;
#[cfg(feature = "train")]
pub mod exec;
pub mod graph;
pub mod model;
pub mod syntax;
#[cfg(feature = "train")]
pub mod train;

use diag::{Diagnostic, Diags, Sources};
use model::Program;
use std::io::Read;

/// Reads, checks and lowers one file (`-`: standard input). `sets` are the `--set PATH=VALUE`
/// arguments.
pub fn compile(sources: &mut Sources, file: &str, _sets: &[String]) -> (Program, Diags) {
    let mut diags = Diags::default();
    let mut text = String::new();
    let read = match file {
        "-" => std::io::stdin().read_to_string(&mut text).map(|_| ()),
        path => std::fs::read_to_string(path).map(|read| text = read),
    };
    match read {
        Ok(()) => {
            sources.add(file, text);
        }
        Err(error) => {
            diags.push(Diagnostic::error("E0001", format!("cannot read `{file}`: {error}")));
        }
    }
    (Program::default(), diags)
}
