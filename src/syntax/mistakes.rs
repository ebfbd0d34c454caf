//! The sentence for a line that can not be read, chosen by how it begins.

use super::ast::{Literal, Setting};
use super::parser::reads;
use super::plain::{Other, other, plain};
use crate::diag::{Diagnostic, Help, Span, Spanned, Written};

/// What is wrong with `raw`, which stands at `span`, alone on a line or `after` the start of a
/// setting; `brace` if a body stands where none belongs.
pub fn explain(raw: &str, span: Span, after: Option<Start<'_>>, brace: bool) -> Diagnostic {
    let first = |width: usize| Span { end: span.start + width as u32, ..span };
    if brace {
        return Diagnostic::error("E0110", "a body opens on the line of what it belongs to")
            .at(span, "alone on its line")
            .help("put the `{` at the end of the line above");
    }
    if let Some(pattern) = after.and_then(|start| unquoted(raw, span, start)) {
        return pattern;
    }
    if let Some(at) = block_comment(raw) {
        let start = span.start + at as u32;
        return Diagnostic::error("E0105", "comments begin with `//`")
            .at(Span { start, end: start + 2, ..span }, "here")
            .help("a comment ends with its line, and each of its lines begins with `//`");
    }
    let setting = after.map(|start| start.setting);
    let after_body = setting.is_some_and(|s| s.body.is_some());
    match raw.as_bytes() {
        [b'=', ..] => {
            sign(raw, span, after, spaced(after, span), ("E0101", "a setting has no `=`"))
        }
        [b':', ..] => sign(raw, span, after, spaced(after, span), COLON),
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
            if setting.is_some_and(|s| s.row.is_empty() && s.path.selector.is_some()) =>
        {
            Diagnostic::error("E0117", "stages are selected at the end of a path")
                .at(span, "a path goes on behind its selector")
                .help("put the `@` and its numbers behind the last key, as in `mixer.grid@3`")
        }
        _ if after_body => Diagnostic::error("E0108", "after `}` the next setting starts a line")
            .at(span, "on the same line")
            .help("start a line, or write `;` before it")
            .fix(first(0), "; "),
        _ if is_open(raw) => Diagnostic::error("E0107", "this string is not closed on its line")
            .at(span, "opened, never closed")
            .help("end it with `\"`")
            .fix(Span { start: span.end, ..span }, "\""),
        _ if starts_with_word(raw, &["in", "when", "where"]) => computed(span).help(ONE_VALUE),
        [b'"' | b'\'', ..] if setting.is_none() => quoted_key(raw, span),
        _ => foreign_value(raw, span, after),
    }
}

const ONE_VALUE: &str = "write one value, or a row of them";

/// Numbers with signs between them: `2 + 2`, `1/8`.
fn is_computed(raw: &str) -> bool {
    raw.contains(['*', '/', '+', '^'])
        && raw.contains(|c: char| c.is_ascii_digit())
        && raw.chars().all(|c| c.is_ascii_digit() || " ._%*/+^-()".contains(c))
}

fn computed(span: Span) -> Diagnostic {
    Diagnostic::error("E0116", "a value is written out, not drawn or computed")
        .at(span, "not written out")
}

/// The setting that a line begins with, and its text.
#[derive(Clone, Copy)]
pub struct Start<'a> {
    pub setting: &'a Setting,
    pub text: &'a str,
}

impl Start<'_> {
    /// The whole line with this value, if it is one that can be read.
    fn with(self, value: &str) -> Option<Written> {
        let path = self.setting.path.span;
        let (path, row) = self.text.split_at_checked((path.end - path.start) as usize)?;
        let row = format!("{row} {value}").trim_start().to_string();
        let line = Written::new(path, row);
        reads(&line.to_string()).then_some(line)
    }
}

const COLON: (&str, &str) = ("E0102", "there is no colon after a key");

/// `width = 24`, `width: 24`; what is written instead begins with the `gap`.
fn sign(
    raw: &str,
    span: Span,
    after: Option<Start<'_>>,
    gap: &str,
    (code, message): (&'static str, &str),
) -> Diagnostic {
    let value = raw.trim_start_matches(['=', ':', ' ', '\t']);
    let diagnostic =
        Diagnostic::error(code, message).at(Span { end: span.start + 1, ..span }, "here");
    // Behind a name another item is meant: `model a: b`.
    let sort = after.and_then(|start| Some(start.text.split_once(' ')?.0));
    let meant = match sort {
        None => called(value).unwrap_or_else(|| plain(value)),
        Some("ablation") => format!("of {value}"),
        Some("case") => format!("with {value}"),
        Some(_) => format!("from {value}"),
    };
    if let (true, Some(start)) = (value.is_empty(), after) {
        let help = format!("what it holds stands in braces: `{} {{ … }}`", start.text.trim_end());
        return diagnostic.help(help);
    }
    match after.and_then(|start| start.with(&meant)) {
        Some(line) => write(diagnostic, after, (line, &meant), other(value), (span, gap)),
        None => diagnostic.help("leave it out: a blank stands between a key and its value"),
    }
}

/// `"width" 3`, as in JSON.
fn quoted_key(raw: &str, span: Span) -> Diagnostic {
    let quote = &raw[..1];
    let (key, rest) = raw[1..].split_once(quote).unwrap_or((&raw[1..], ""));
    let meant = plain(rest.trim_start_matches(['=', ':', ' ', '\t']));
    let line = Written::new(key, meant);
    // The closing quote may be missing.
    let end = span.end.min(span.start + key.len() as u32 + 2);
    let diagnostic =
        Diagnostic::error("E0119", "a key is not quoted").at(Span { end, ..span }, "in quotes");
    let text = line.to_string();
    match reads(&text) {
        true if line.row.is_empty() => diagnostic.help(format!("write `{key}`")).fix(span, text),
        true => diagnostic.help(Help::from("write ").written(line)).fix(span, text),
        false => diagnostic.help("only paths, labels and patterns stand in quotes"),
    }
}

/// A value as other languages write it.
fn foreign_value(raw: &str, span: Span, after: Option<Start<'_>>) -> Diagnostic {
    // `model a: b`.
    if let (Some((name, _)), Some(start)) = (raw.split_once(':'), after)
        && start.setting.row.is_empty()
        && start.with(name).is_some()
    {
        let (at, text) = (name.len(), format!("{} {name}", start.text));
        let colon = Span { start: span.start + at as u32, ..span };
        let start = Start { text: &text, ..start };
        return sign(&raw[at..], colon, Some(start), " ", COLON);
    }
    // `cluster(grid=2x2, heads=4)`.
    if let Some(meant) = called(raw)
        && let Some(line) = after.and_then(|start| start.with(&meant))
    {
        return Diagnostic::error("E0119", "settings stand in braces")
            .at(span, "as in a call")
            .help(Help::from("write ").written(line))
            .fix(span, meant);
    }
    let meant = plain(raw);
    let line = after.and_then(|start| start.with(&meant)).filter(|_| meant != raw);
    let comma = raw.find(',');
    let brackets = raw.starts_with(['(', '[']) || line.is_some() && raw.contains(['(', '[']);
    let mut diagnostic = match (raw.as_bytes(), comma) {
        _ if brackets => {
            Diagnostic::error("E0119", "values stand without brackets").at(span, "in brackets")
        }
        (_, Some(at)) => {
            let at = span.start + at as u32;
            Diagnostic::error("E0103", "the values of a row are separated by spaces")
                .at(Span { start: at, end: at + 1, ..span }, "a comma")
        }
        ([b'\'', ..], _) => Diagnostic::error("E0119", "a string stands in double quotes")
            .at(span, "in single quotes"),
        _ if line.is_some() && raw.contains('*') => computed(span),
        _ if line.is_some() => Diagnostic::error("E0119", "a size is written with a small `x`")
            .at(span, "rows and columns"),
        _ if is_computed(raw) => return computed(span).help(ONE_VALUE),
        _ => return unreadable(span),
    };
    if let Some(line) = line {
        let place = (span, spaced(after, span));
        diagnostic = write(diagnostic, after, (line, &meant), other(raw), place);
    }
    diagnostic
}

/// Says the `line` to write and its value, and the `other` one that may be meant, in place of what
/// stands at a span and behind a gap.
fn write(
    diagnostic: Diagnostic,
    after: Option<Start<'_>>,
    (line, meant): (Written, &str),
    other: Option<Other>,
    (span, gap): (Span, &str),
) -> Diagnostic {
    let other = other.and_then(|other| Some((after?.with(&other.row)?, other)));
    let reads = other.as_ref().map(|(_, other)| other.reads.other());
    let diagnostic = diagnostic.fix_as(reads, span, [gap, meant].concat());
    let help = Help::from("write ").written(line);
    match other {
        None => diagnostic.help(help),
        Some((second, Other { row, reads })) => diagnostic
            .help(help.words(", or ").written(second))
            .fix_as(Some(reads), span, [gap, &row].concat()),
    }
}

/// A path or a pattern without its quotes: `files images/*.png`, `files ~/images`, `except *.bias`,
/// `files C:\images`.
fn unquoted(raw: &str, span: Span, start: Start<'_>) -> Option<Diagnostic> {
    if !start.setting.row.is_empty() || start.setting.body.is_some() {
        return None;
    }
    let words: Vec<&str> = raw.split_whitespace().collect();
    let letters = |word: &&str| {
        let comment = word.starts_with("//") || word.starts_with("/*");
        let named = word.contains(|c: char| c.is_alphabetic());
        let number = word.starts_with(|c: char| c.is_ascii_digit());
        let on_drive = match word.split_once(':') {
            Some((drive, path)) if drive.len() == 1 && path.starts_with(['/', '\\']) => path,
            _ => word,
        };
        named
            && !comment
            && !number
            && on_drive.chars().all(|c| c.is_alphanumeric() || "_-./*~?\\".contains(c))
    };
    let marked =
        |word: &&str| word.contains(['/', '\\']) || word.starts_with('*') || word.ends_with('*');
    let behind_a_key = start.setting.path.span.end < span.start;
    if !behind_a_key || !words.iter().all(letters) || !words.iter().any(marked) {
        return None;
    }
    let quote = |word: &&str| format!("\"{}\"", word.replace('\\', "\\\\"));
    let quoted: Vec<String> = words.iter().map(quote).collect();
    let line = start.with(&quoted.join(" "))?;
    let told = Diagnostic::error("E0119", "a path or a pattern stands in double quotes");
    let help = Help::from("write ").written(line);
    Some(told.at(span, "without quotes").help(help).fix(span, quoted.join(" ")))
}

/// A kind with its settings, as a call has them: `name(key=value, …)`.
fn called(raw: &str) -> Option<String> {
    let (name, rest) = raw.split_once('(')?;
    let inside = rest.trim_end().strip_suffix(')')?;
    let settings = inside.split(',').map(|setting| {
        let (key, value) = setting.split_once('=')?;
        Some(format!("{} {}", key.trim(), plain(value)))
    });
    let settings = settings.collect::<Option<Vec<String>>>()?;
    Some(format!("{} {{ {} }}", name.trim_end(), settings.join("; ")))
}

/// Where a comment of another language begins, outside of strings and of comments.
fn block_comment(raw: &str) -> Option<usize> {
    let comment = raw.starts_with(['#', '/']) && !raw.starts_with("/*");
    raw.find("/*").filter(|at| !comment && !is_open(&raw[..*at]))
}

/// A blank, where what is wrong stands right behind a key.
fn spaced(after: Option<Start<'_>>, span: Span) -> &'static str {
    if after.is_some_and(|start| start.setting.span.end == span.start) { " " } else { "" }
}

/// Whether a string begins in it and does not end.
fn is_open(raw: &str) -> bool {
    let mut open = false;
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => open = !open,
            '\\' if open => drop(chars.next()),
            _ => {}
        }
    }
    open
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
