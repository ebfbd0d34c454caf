//! A look at the braces before parsing: how deep they go, and which body is never closed.
//!
//! Indentation tells what the braces do not: a `}` further left than the line of the brace it would
//! close, or a setting that starts no further right than the line of the body it stands in, shows that
//! a `}` is missing before it. There one is put in.

use crate::diag::{Diagnostic, SourceId, Span};
use std::borrow::Cow;

/// Deeper bodies mean nothing, and would cost the parser its stack.
pub const MAX_DEPTH: usize = 64;

struct Open {
    at: usize,
    /// Of the line it stands on, as is its first word.
    indent: usize,
    word: usize,
    /// Whether its lines stand further right, as the first of them does.
    indented: Option<bool>,
}

/// The text to parse, which has as many `}` as `{`.
#[derive(Default)]
pub struct Balanced<'a> {
    pub text: Cow<'a, str>,
    /// Where a line `}` was put in, in the bytes of the original.
    added: Vec<usize>,
}

const CLOSING: &str = "}\n";

impl Balanced<'_> {
    /// A byte of the balanced text as a byte of the original.
    pub fn original(&self, at: usize) -> usize {
        let mut shift = 0;
        for &added in &self.added {
            if added + shift >= at {
                break;
            }
            shift += CLOSING.len().min(at - added - shift);
        }
        at - shift
    }
}

/// Closes what indentation shows to end, and reports every body that is never closed.
pub fn balance(text: &str, source: SourceId) -> (Balanced<'_>, Vec<Diagnostic>) {
    let unchanged = |text| Balanced { text: Cow::Borrowed(text), added: Vec::new() };
    let missing = match scan(text, 0) {
        Ok(scan) => scan.open.len(),
        Err(at) => {
            let too_deep = Diagnostic::error("E0115", "bodies are nested more than 64 deep")
                .at(Span::new(source, at, at + 1), "here");
            return (unchanged(""), vec![too_deep]);
        }
    };
    // Where every brace has its partner, lines may begin wherever they like.
    let Some(scan) = (missing > 0).then(|| scan(text, missing).ok()).flatten() else {
        return (unchanged(text), Vec::new());
    };
    let closed = scan.closed.iter().map(|&(open, next)| unclosed(text, source, open, Some(next)));
    let open = scan.open.last().map(|open| match commented(text, open.at) {
        Some(at) => unclosed(text, source, open.at, None)
            .at(Span::new(source, at, at + 1), "this `}` is part of a comment")
            .help("put it on the next line"),
        None => unclosed(text, source, open.at, None).help("a `}` is missing at the end"),
    });
    let found = closed.chain(open).collect();
    let mut balanced = String::new();
    let mut added = Vec::new();
    let mut from = 0;
    for &(_, next) in &scan.closed {
        let line = text[..next].rfind('\n').map_or(0, |i| i + 1);
        balanced.push_str(&text[from..line]);
        balanced.push_str(CLOSING);
        added.push(line);
        from = line;
    }
    balanced.push_str(&text[from..]);
    (Balanced { text: Cow::Owned(balanced), added }, found)
}

/// What a walk over the braces found.
#[derive(Default)]
struct Scan {
    /// Bodies open at the end.
    open: Vec<Open>,
    /// Bodies that indentation shows to end before they were closed: where each opens, and the first
    /// character of the line before which its `}` is missing.
    closed: Vec<(usize, usize)>,
}

/// Walks over the braces; at most `missing` bodies are closed where indentation says so. Fails where
/// bodies are nested too deep.
fn scan(text: &str, missing: usize) -> Result<Scan, usize> {
    let bytes = text.as_bytes();
    let mut scan = Scan::default();
    let (mut line_start, mut indent, mut line_begun) = (0, 0, false);
    // The first word of the line, and the doc comment above it.
    let (mut word, mut doc): (usize, Option<(usize, usize)>) = (0, None);
    let mut i = 0;
    while i < bytes.len() {
        let byte = bytes[i];
        if !line_begun && !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            line_begun = true;
            (indent, word) = (i - line_start, i);
            if let Some(open) = scan.open.last_mut() {
                open.indented.get_or_insert(indent > open.indent);
            }
            let ends_here = |open: &Open| match byte {
                b'}' => open.indent > indent,
                _ if open.indent < indent || !byte.is_ascii_alphabetic() => false,
                // Where lines do not stand further right, only one that begins alike shows it.
                _ => {
                    open.indented != Some(false)
                        || first_word(text, open.word) == first_word(text, i)
                }
            };
            while line_start > 0
                && scan.closed.len() < missing
                && scan.open.last().is_some_and(ends_here)
                && let Some(open) = scan.open.pop()
            {
                let above = doc.filter(|(_, indent)| *indent <= open.indent);
                scan.closed.push((open.at, above.map_or(i, |(at, _)| at)));
            }
            doc = text[i..].starts_with("///").then(|| doc.unwrap_or((i, indent)));
        }
        match byte {
            b'\n' => {
                line_start = i + 1;
                line_begun = false;
            }
            b'/' if bytes.get(i + 1) == Some(&b'/') => {
                i += bytes[i..].iter().position(|b| *b == b'\n').unwrap_or(bytes.len() - i);
                continue;
            }
            // A comment of another language, which is reported as one.
            b'/' if bytes.get(i + 1) == Some(&b'*') => {
                if let Some(length) = text[i + 2..].find("*/") {
                    let inside = &text[i..i + 2 + length];
                    line_start = inside.rfind('\n').map_or(line_start, |at| i + at + 1);
                    i += 2 + length + 1;
                }
            }
            b'"' => i = string_end(bytes, i),
            b'{' if scan.open.len() == MAX_DEPTH => return Err(i),
            b'{' => {
                scan.open.push(Open { at: i, indent, word, indented: None });
            }
            b'}' => {
                scan.open.pop();
            }
            _ => {}
        }
        i += 1;
    }
    Ok(scan)
}

fn first_word(text: &str, at: usize) -> &str {
    let rest = &text[at..];
    &rest[..rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len())]
}

/// The closing quote, or the last character of the line.
fn string_end(bytes: &[u8], open: usize) -> usize {
    let mut i = open + 1;
    while i < bytes.len() {
        match bytes[i] {
            b'"' => return i,
            b'\n' => return open,
            b'\\' if bytes.get(i + 1).is_some_and(|b| *b != b'\n') => i += 2,
            _ => i += 1,
        }
    }
    open
}

/// A `}` in the comment of the line where a body opens or of the last line, which was meant to close
/// it.
fn commented(text: &str, open: usize) -> Option<usize> {
    let line = |at: usize| {
        let start = text[..at].rfind('\n').map_or(0, |i| i + 1);
        let end = text[at..].find('\n').map_or(text.len(), |i| at + i);
        (start, end)
    };
    let last = text.trim_end().len();
    [line(open), line(last)].into_iter().find_map(|(start, end)| {
        let comment = start + text[start..end].find("//")?;
        let brace = comment + text[comment..end].rfind('}')?;
        (brace > open).then_some(brace)
    })
}

fn unclosed(text: &str, source: SourceId, open: usize, next: Option<usize>) -> Diagnostic {
    let mut diagnostic = Diagnostic::error("E0112", "this body is never closed")
        .at(Span::new(source, open, open + 1), "opened here");
    if let Some(at) = next {
        let width = text[at..].chars().next().map_or(0, char::len_utf8);
        diagnostic =
            diagnostic.at(Span::new(source, at, at + width), "a `}` is missing before this line");
        let line = text[..at].rfind('\n').map_or(0, |i| i + 1);
        diagnostic = diagnostic.fix(Span::new(source, line, line), CLOSING);
    }
    diagnostic
}
