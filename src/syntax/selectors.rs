//! Selectors that can not be read: which stages were meant.

use super::ast::{Literal, Setting};
use crate::diag::{Diagnostic, Span};

/// What is wrong with the selector of a setting, whose line goes on with `raw` at `span`.
pub fn unread(raw: &str, span: Span, setting: &Setting) -> Option<Diagnostic> {
    if !setting.row.is_empty() || setting.body.is_some() {
        return None;
    }
    let end = raw.find([' ', '\t', '=']).unwrap_or(raw.len());
    let (word, at) = (&raw[..end], Span { end: span.start + end as u32, ..span });
    let close = setting.path.span.end == span.start;
    if let Some(stages) = word.strip_prefix('@').filter(|_| close) {
        return Some(match (stages.strip_prefix(".."), stages) {
            (Some(last), _) if is_number(last) => mend(at, format!("@1..{last}")),
            (_, "all" | "*" | ":" | "..") => {
                wrong(at).help("without a selector a value holds for every stage").fix(at, "")
            }
            _ => wrong(at).help("stages are numbers, counted from 1: `@3`, `@1..3`, `@1,3`"),
        });
    }
    let first = setting.path.selector.as_ref().filter(|_| close)?;
    let whole = Span { start: first.span.start - 1, end: at.end, ..at };
    if raw.starts_with(',') {
        let (read, length) = listed(raw)?;
        let end = span.start + length as u32;
        let at = Span { start: whole.start, end, ..at };
        let before: String = stages_of(setting)?;
        return Some(mend(at, format!("@{before},{read}")));
    }
    match word.strip_prefix("..").or(word.strip_prefix(':')) {
        Some("") => Some(wrong(whole).help("both ends are named, as in `@3..4`")),
        Some(last) if is_number(last) => Some(reach(whole, setting, last)),
        _ => None,
    }
}

/// `, 2, 4..5`: stages behind blanks, as `2,4..5`, and how much of the text they are.
fn listed(raw: &str) -> Option<(String, usize)> {
    let (mut read, mut length) = (Vec::new(), 0);
    while let Some(rest) = raw[length..].strip_prefix(',') {
        let stage = rest.trim_start_matches([' ', '\t']);
        let digits = |c: char| !c.is_ascii_digit() && c != '.';
        let stage = &stage[..stage.find(digits).unwrap_or(stage.len())];
        if !stage.split("..").all(is_number) {
            return None;
        }
        length += 1 + rest.find(stage)? + stage.len();
        read.push(stage);
    }
    Some((read.join(","), length))
}

/// The stages that were read, as they are written.
fn stages_of(setting: &Setting) -> Option<String> {
    use super::ast::Selector::Stages;
    let Stages(stages) = &setting.path.selector.as_ref()?.value else { return None };
    let written = stages.iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}..{last}"),
    });
    Some(written.collect::<Vec<_>>().join(","))
}

/// `@1-2`, which reads as the stage 1 and the number -2.
pub fn hyphen(setting: &Setting) -> Option<Diagnostic> {
    let (selector, value) = (setting.path.selector.as_ref()?, setting.row.first()?);
    let Literal::Number(number) = &value.value else { return None };
    let last = number.digits.strip_prefix('-')?;
    let close = value.span.start == setting.path.span.end;
    let whole = Span { start: selector.span.start - 1, ..value.span };
    close.then(|| reach(whole, setting, last))
}

/// From the last stage that was read to another one.
fn reach(whole: Span, setting: &Setting, last: &str) -> Diagnostic {
    use super::ast::Selector::Stages;
    let read = setting.path.selector.as_ref().map(|selector| &selector.value);
    match read {
        Some(Stages(stages)) if stages.len() == 1 => {
            mend(whole, format!("@{}..{last}", stages[0].0))
        }
        _ => wrong(whole).help("from one stage to another is `..`, as in `@1..3`"),
    }
}

fn wrong(at: Span) -> Diagnostic {
    Diagnostic::error("E0122", "these stages can not be read").at(at, "which stages?")
}

fn mend(at: Span, meant: String) -> Diagnostic {
    wrong(at).help(format!("write `{meant}`")).fix(at, meant)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}
