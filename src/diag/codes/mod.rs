//! What every code of a diagnostic means, with a wrong and a right text: the data of
//! `cluec explain CODE`.
//!
//! Codes are stable: one is never given another meaning. E01 is syntax, E02 files, items and names,
//! E03 settings and layers, E04 ablations, E05 shapes and counts, E06 recipes, E07 data; W are warnings,
//! in the same hundreds. That every code in use is here, and that the examples are right and wrong as they say,
//! is held by tests.

mod ablations;
mod data;
mod layers;
mod names;
mod settings;
mod shapes;
mod syntax;
mod training;

/// The meaning of a code.
#[derive(Debug, Clone, Copy)]
pub struct Code {
    /// `E0101`.
    pub code: &'static str,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// Why it is so, and what to do.
    pub explanation: &'static str,
    /// A text that is told this code.
    pub wrong: &'static str,
    /// The same text put right.
    pub right: &'static str,
    pub place: Place,
}

/// Where the examples of a code stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the body of a model made of a complete family.
    Model,
    /// In a file.
    File,
    /// As the argument of `--set`.
    Argument,
    /// As the argument of `--memory`, asked of a small model.
    Memory,
}

/// Every code, in order.
pub fn all() -> impl Iterator<Item = &'static Code> {
    [
        syntax::CODES,
        names::CODES,
        settings::CODES,
        layers::CODES,
        ablations::CODES,
        shapes::CODES,
        training::CODES,
        data::CODES,
    ]
    .into_iter()
    .flatten()
}

/// The meaning of a code, however it is capitalized.
pub fn find(code: &str) -> Option<&'static Code> {
    all().find(|known| known.code.eq_ignore_ascii_case(code))
}

/// A code explained by lines of a model.
const fn model(
    code: &'static str,
    title: &'static str,
    explanation: &'static str,
    [wrong, right]: [&'static str; 2],
) -> Code {
    Code { code, title, explanation, wrong, right, place: Place::Model }
}

/// A code explained by whole files.
const fn file(
    code: &'static str,
    title: &'static str,
    explanation: &'static str,
    [wrong, right]: [&'static str; 2],
) -> Code {
    Code { code, title, explanation, wrong, right, place: Place::File }
}
