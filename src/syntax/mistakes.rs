//! The sentence for a line that can not be read, chosen by how it begins.

use super::ast::{Literal, Setting};
use crate::diag::{Diagnostic, Span, Spanned};

/// What is wrong with `raw`, which stands at `span`, alone on a line or `after` the start of a
/// setting; `brace` if a body stands where none belongs.
pub fn explain(raw: &str, span: Span, after: Option<&Setting>, brace: bool) -> Diagnostic {
    let first = |width: usize| Span { end: span.start + width as u32, ..span };
    let key = after.and_then(|s| s.path.keys.last()).map_or("key", |k| k.value.as_str());
    if brace {
        return Diagnostic::error("E0110", "a body opens on the line of what it belongs to")
            .at(span, "alone on its line")
            .help("put the `{` at the end of the line above");
    }
    let value = raw.trim_start_matches(['=', ':', ' ']);
    // The sign, and the blanks behind it.
    let sign = first(raw.len() - value.len());
    let after_body = after.is_some_and(|s| s.body.is_some());
    match raw.as_bytes() {
        [b'=', b'=', ..] | [b'=', ..] => Diagnostic::error("E0101", "a setting has no `=`")
            .at(first(1), "here")
            .help(format!("write `{key} {value}`; `=` computes, and only a search computes"))
            .fix(sign, spaced(after, span)),
        [b':', ..] => Diagnostic::error("E0102", "there is no colon after a key")
            .at(first(1), "here")
            .help(format!("write `{key} {value}`"))
            .fix(sign, spaced(after, span)),
        [b'#', ..] => Diagnostic::error("E0105", "comments begin with `//`")
            .at(first(1), "here")
            .fix(first(1), "//"),
        [b'/', b'/', b'/', ..] => {
            Diagnostic::error("E0109", "a doc comment stands above what it describes")
                .at(span, "at the end of a line")
                .help("a remark at the end of a line begins with `//`")
                .fix(first(3), "//")
        }
        [b'.', b'0'..=b'9', ..] => Diagnostic::error("E0106", "a number begins with a digit")
            .at(span, "no digit before the point")
            .help(format!("write `0{raw}`"))
            .fix(first(0), "0"),
        [b'.', b'a'..=b'z' | b'A'..=b'Z', ..]
            if after.is_some_and(|s| s.row.is_empty() && s.path.selector.is_some()) =>
        {
            Diagnostic::error("E0117", "stages are selected at the end of a path")
                .at(span, "a path goes on behind its selector")
                .help("put the `@` and its numbers behind the last key, as in `mixer.grid@3`")
        }
        _ if after_body => Diagnostic::error("E0108", "after `}` the next setting starts a line")
            .at(span, "on the same line")
            .help("start a line, or write `;` before it")
            .fix(first(0), "; "),
        _ if raw.starts_with('"') || quotes(raw) % 2 == 1 => {
            Diagnostic::error("E0107", "this string is not closed on its line")
                .at(span, "opened, never closed")
                .help("end it with `\"`")
                .fix(Span { start: span.end, ..span }, "\"")
        }
        _ if starts_with_word(raw, &["in", "when", "where"]) => {
            Diagnostic::error("E0116", "only a search draws values")
                .at(span, "belongs to a search")
                .help("give one value")
        }
        _ if raw.contains(',') => comma(raw, span, key),
        _ => unreadable(span),
    }
}

fn comma(raw: &str, span: Span, key: &str) -> Diagnostic {
    let at = span.start + raw.find(',').unwrap_or(0) as u32;
    let values: Vec<&str> = raw.split(',').map(str::trim).filter(|v| !v.is_empty()).collect();
    // The comma stands right behind the first value.
    let before = if raw.starts_with(',') { " " } else { "" };
    Diagnostic::error("E0103", "the values of a row are separated by spaces")
        .at(Span { start: at, end: at + 1, ..span }, "a comma")
        .help(format!("write `{key} {}`", values.join(" ")))
        .fix(span, [before, &values.join(" ")].concat())
}

/// A blank, where a sign stands right behind a key.
fn spaced(after: Option<&Setting>, span: Span) -> &'static str {
    if after.is_some_and(|setting| setting.span.end == span.start) { " " } else { "" }
}

fn quotes(raw: &str) -> usize {
    raw.matches('"').count()
}

fn starts_with_word(raw: &str, words: &[&str]) -> bool {
    let first = raw.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or("");
    words.contains(&first)
}

/// `7 x 7`.
pub fn loose_size(row: &[Spanned<Literal>]) -> Option<Diagnostic> {
    row.windows(3).find_map(|window| match window {
        [
            Spanned { value: Literal::Number(a), span: from },
            Spanned { value: Literal::Name(x), .. },
            Spanned { value: Literal::Number(b), span: to },
        ] if x == "x" => Some(
            Diagnostic::error("E0104", "a size is written without spaces")
                .at(from.to(*to), "spaces inside")
                .help(format!("write `{}x{}`", a.digits, b.digits))
                .fix(from.to(*to), format!("{}x{}", a.digits, b.digits)),
        ),
        _ => None,
    })
}

pub fn undocumented(span: Span) -> Diagnostic {
    Diagnostic::error("E0118", "this doc comment documents nothing")
        .at(span, "nothing follows in this body")
        .help("a remark begins with `//`")
        .fix(Span { end: span.start + 3, ..span }, "//")
}

pub fn stray(span: Span) -> Diagnostic {
    Diagnostic::error("E0111", "this brace closes nothing")
        .at(span, "no body is open here")
        .fix(span, "")
}

pub fn too_large(span: Span) -> Diagnostic {
    Diagnostic::error("E0113", "this number is too large").at(span, "can not be stored")
}

pub fn escape(span: Span) -> Diagnostic {
    Diagnostic::error("E0114", "a string knows the escapes \\\" \\\\ \\n \\t only")
        .at(span, "another escape")
        .help("a backslash itself is written `\\\\`")
}

pub fn unreadable(span: Span) -> Diagnostic {
    Diagnostic::error("E0119", "this can not be read")
        .at(span, "no value, kind, relation or body")
        .help("a setting is a path, then a value, a row of values or a kind, then perhaps a body")
}
