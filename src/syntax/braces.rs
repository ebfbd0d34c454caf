//! A look at the braces before parsing: how deep they go, and which body is never closed.
//!
//! Indentation tells what the braces do not: a `}` further left than the line of the brace it would
//! close, or an item that starts at the left edge inside a body, shows that a `}` is missing before
//! it. There the scan puts one, in the place of a line break, so that no offset moves.

use crate::diag::{Diagnostic, SourceId, Span};
use std::borrow::Cow;

/// Deeper bodies mean nothing, and would cost the parser its stack.
const MAX_DEPTH: usize = 64;

struct Open {
    at: usize,
    indent: usize,
}

/// The text to parse, which has as many `}` as `{`, and what was wrong with it.
pub fn balance(text: &str, source: SourceId) -> (Cow<'_, str>, Vec<Diagnostic>) {
    let bytes = text.as_bytes();
    let mut stack: Vec<Open> = Vec::new();
    let mut patches: Vec<usize> = Vec::new();
    let mut found = Vec::new();
    let (mut line_start, mut line_begun) = (0, false);
    let mut indent = 0;
    let mut i = 0;
    while i < bytes.len() {
        let byte = bytes[i];
        if !line_begun && !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            line_begun = true;
            indent = i - line_start;
            let closes = byte == b'}';
            let starts = indent == 0 && byte.is_ascii_alphabetic();
            // What is still open here, and can not be.
            let wrong = |open: &Open| if closes { open.indent > indent } else { starts };
            if (closes || starts)
                && stack.last().is_some_and(wrong)
                && (closes
                    || line_start < 2
                    || matches!(bytes[line_start - 2], b'\n' | b'\r')
                    || stack.len() == 1)
                && line_start > 0
                && let Some(open) = stack.pop()
            {
                found.push(unclosed(text, source, open.at, Some(i)));
                patches.push(line_start - 1);
            }
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
            b'"' => i = string_end(bytes, i),
            b'{' => {
                if stack.len() == MAX_DEPTH {
                    let span = Span::new(source, i, i + 1);
                    found.push(
                        Diagnostic::error("E0115", "bodies are nested more than 64 deep")
                            .at(span, "here"),
                    );
                    return (Cow::Borrowed(""), found);
                }
                stack.push(Open { at: i, indent });
            }
            b'}' => {
                stack.pop();
            }
            _ => {}
        }
        i += 1;
    }
    if let Some(open) = stack.pop() {
        found.push(unclosed(text, source, open.at, None));
    }
    if patches.is_empty() {
        return (Cow::Borrowed(text), found);
    }
    let mut patched = bytes.to_vec();
    for at in patches {
        patched[at] = b'}';
    }
    match String::from_utf8(patched) {
        Ok(patched) => (Cow::Owned(patched), found),
        Err(_) => (Cow::Borrowed(text), found),
    }
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

fn unclosed(text: &str, source: SourceId, open: usize, next: Option<usize>) -> Diagnostic {
    let mut diagnostic = Diagnostic::error("E0112", "this body is never closed")
        .at(Span::new(source, open, open + 1), "opened here");
    if let Some(at) = next {
        let width = text[at..].chars().next().map_or(0, char::len_utf8);
        diagnostic =
            diagnostic.at(Span::new(source, at, at + width), "a `}` is missing before this line");
    }
    diagnostic
}
