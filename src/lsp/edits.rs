//! Formatting, as the least change to a text.

use super::position::{Encoding, Lines};
use crate::diag::Sources;
use gen_lsp_types::TextEdit;

/// The canonical form of a text; nothing while a line is in error, which is shown already.
pub fn format(text: &str, encoding: Encoding) -> Vec<TextEdit> {
    let mut sources = Sources::default();
    let id = sources.add("", text);
    match crate::format::format(&sources, id) {
        Ok(formatted) => between(text, &formatted, encoding).into_iter().collect(),
        Err(_) => Vec::new(),
    }
}

/// The lines that differ, from the first to the last.
fn between(old: &str, new: &str, encoding: Encoding) -> Option<TextEdit> {
    if old == new {
        return None;
    }
    let length = |lines: usize| old.split_inclusive('\n').take(lines).map(str::len).sum::<usize>();
    let same = |(a, b): &(&str, &str)| a == b;
    let (old_lines, new_lines) = (old.split_inclusive('\n'), new.split_inclusive('\n'));
    let start = length(old_lines.clone().zip(new_lines.clone()).take_while(same).count());
    let (old_rest, new_rest) = (&old[start..], &new[start..]);
    let (old_lines, new_lines) = (old_rest.split_inclusive('\n'), new_rest.split_inclusive('\n'));
    let tail: usize =
        old_lines.rev().zip(new_lines.rev()).take_while(same).map(|(line, _)| line.len()).sum();
    Some(TextEdit {
        range: Lines::new(old, encoding).range(start, old.len() - tail),
        new_text: new_rest[..new_rest.len() - tail].to_string(),
    })
}
