//! Sources, spans and diagnostics: what every phase reports mistakes with.
//!
//! A [`Diagnostic`] is plain data. How it looks (a terminal report, JSON) is decided in
//! [`render`] alone; miette stays behind it.

mod argument;
pub mod codes;
mod diags;
mod file;
mod fix;
mod help;
pub mod number;
pub mod render;
mod say;
mod shell;
mod sources;
pub mod svg;
pub mod table;
mod visible;

pub use argument::{Argument, OVERRIDE};
pub use diags::Diags;
pub use file::{decode, read_file};
pub use fix::{Fix, Reading};
pub use help::{Help, Written};
pub use say::say;
pub use shell::typed;
pub use sources::{Source, SourceId, Sources};
pub use visible::visible;

use serde::Serialize;
use std::fmt;

/// A byte range of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Span {
    pub source: SourceId,
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn new(source: SourceId, start: usize, end: usize) -> Span {
        Span { source, start: start as u32, end: end as u32 }
    }

    /// From the start of `self` to the end of `other`, in the same source.
    pub fn to(self, other: Span) -> Span {
        Span { end: other.end.max(self.end), ..self }
    }
}

/// A value and the text that said it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

impl<T> Spanned<T> {
    pub fn new(value: T, span: Span) -> Spanned<T> {
        Spanned { value, span }
    }

    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: f(self.value), span: self.span }
    }
}

impl<T> std::ops::Deref for Spanned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
}

/// A remark on a piece of text. The first label of a diagnostic is the mistake itself, the others
/// are the places it disagrees with.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    pub span: Span,
    pub message: String,
}

/// One mistake: what, where, what was expected.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostic {
    /// Stable: `E…` for errors, `W…` for warnings.
    pub code: &'static str,
    pub severity: Severity,
    pub message: String,
    pub labels: Vec<Label>,
    pub help: Option<Help>,
    /// Each by itself mends it, the likeliest first.
    pub fixes: Vec<Fix>,
}

impl Diagnostic {
    pub fn error(code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            severity: Severity::Error,
            message: message.into(),
            labels: Vec::new(),
            help: None,
            fixes: Vec::new(),
        }
    }

    pub fn warning(code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, message) }
    }

    pub fn at(mut self, span: Span, message: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { span, message: message.into() });
        self
    }

    pub fn help(mut self, help: impl Into<Help>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// Offers to write `text` at `span`, which may be empty, as may be the text.
    pub fn fix(self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.fix_as(None, span, text)
    }

    /// The same, where the value may be read as something else as well.
    pub fn fix_as(
        mut self,
        reads: Option<Reading>,
        span: Span,
        text: impl Into<String>,
    ) -> Diagnostic {
        self.fixes.push(Fix { span, text: text.into(), reads });
        self
    }

    /// Helps where `word`, which stands at `span`, is none of those there are.
    pub fn suggest(mut self, span: Span, word: &str, known: &[&str]) -> Diagnostic {
        if let Some(near) = nearest(word, known.iter().copied()) {
            self = self.fix(span, near);
        }
        self.help(suggest(word, known))
    }

    /// The message, what the text at fault says of it, and what to do, a line each: for formats
    /// without snippets.
    pub fn told(&self) -> String {
        let label = self.labels.first().map(|label| label.message.clone());
        let help = self.help.as_ref().map(Help::to_string);
        let more = label.filter(|m| !m.is_empty()).into_iter().chain(help);
        more.fold(self.message.clone(), |text, more| format!("{text}\n{more}"))
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.code, self.message)
    }
}

/// The candidate nearest to `word`, if it is near enough to be meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |d: usize, c: &str| {
        d <= (word.len().max(c.len())).div_ceil(3) || (word.len() >= 3 && c.starts_with(word))
    };
    nearest_if(word, candidates, near)
}

/// The same of words from far away, which are many: one letter in four is another, at most.
pub fn nearest_afar<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    nearest_if(word, candidates, |d, c| d <= word.len().max(c.len()) / 4)
}

/// Of two that are as near the one whose letters were left out: that is what happens most.
fn nearest_if<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    near: impl Fn(usize, &str) -> bool,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|c| (strsim::damerau_levenshtein(word, c), c))
        .filter(|(d, c)| near(*d, c))
        .min_by_key(|(d, c)| (*d, !is_within(word, c)))
        .map(|(_, c)| c)
}

/// Whether a word is what is left of another one when letters are left out.
fn is_within(word: &str, whole: &str) -> bool {
    let mut letters = whole.chars();
    word.chars().all(|letter| letters.any(|other| other == letter))
}

/// `did you mean `grid`?` or the list of what there is.
pub fn suggest(word: &str, candidates: &[&str]) -> String {
    match nearest(word, candidates.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if candidates.is_empty() => "there is none to choose from".to_string(),
        None => format!("there is {}", list(candidates, "and")),
    }
}

/// `off, fixed or gate`.
pub fn list(words: &[&str], joint: &str) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_string(),
        [init @ .., last] => format!("{} {joint} {last}", init.join(", ")),
    }
}
