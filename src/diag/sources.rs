//! Texts, and where in them something stands.

use super::Span;
use std::sync::OnceLock;

/// A text that spans point into: a file, standard input, or a command-line argument.
#[derive(Debug, Clone)]
pub struct Source {
    /// As the user wrote it: a path, `-`, `--set` or another flag.
    pub name: String,
    pub text: String,
    /// The line and column of every so many bytes, once one was asked for.
    marks: OnceLock<Vec<(usize, usize)>>,
}

/// Bytes from mark to mark.
const STEP: usize = 1024;

impl Source {
    /// 1-based line and column (in characters) of a place.
    pub fn position(&self, at: usize) -> (usize, usize) {
        let bytes = self.text.as_bytes();
        let marks = self.marks.get_or_init(|| {
            let mut marks = vec![(1, 1)];
            for chunk in bytes.chunks(STEP) {
                marks.extend(marks.last().map(|&mark| after(mark, chunk)));
            }
            marks
        });
        let mark = at / STEP;
        after(marks[mark], &bytes[mark * STEP..at])
    }
}

/// Where one is behind these bytes.
fn after(place: (usize, usize), bytes: &[u8]) -> (usize, usize) {
    bytes.iter().fold(place, |(line, column), byte| match byte {
        b'\n' => (line + 1, 1),
        // Within a character.
        0x80..0xc0 => (line, column),
        _ => (line, column + 1),
    })
}

/// Index of a [`Source`] in [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SourceId(pub u32);

/// Every text read in one run.
#[derive(Debug, Clone, Default)]
pub struct Sources(Vec<Source>);

impl Sources {
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> SourceId {
        self.0.push(Source { name: name.into(), text: text.into(), marks: OnceLock::new() });
        SourceId(self.0.len() as u32 - 1)
    }

    pub fn get(&self, id: SourceId) -> &Source {
        &self.0[id.0 as usize]
    }

    /// The text a span covers.
    pub fn slice(&self, span: Span) -> &str {
        &self.get(span.source).text[span.start as usize..span.end as usize]
    }

    /// Where a span starts and where it ends (behind its last character), as [`Sources::position`].
    pub fn range(&self, span: Span) -> ((usize, usize), (usize, usize)) {
        (self.position(span), self.position(Span { start: span.end, ..span }))
    }

    /// 1-based line and column (in characters) of the start of a span.
    pub fn position(&self, span: Span) -> (usize, usize) {
        self.get(span.source).position(span.start as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_lines_and_characters() {
        let text =
            ["größer 1; ".repeat(300), "\n".into(), "é".repeat(3000), "\r\nend".into()].concat();
        let mut sources = Sources::default();
        let id = sources.add("long.clue", text.as_str());
        for at in (0..=text.len()).filter(|&at| text.is_char_boundary(at)) {
            let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
            let line = text[..at].matches('\n').count() + 1;
            let column = text[start..at].chars().count() + 1;
            assert_eq!(sources.position(Span::new(id, at, at)), (line, column), "{at}");
        }
    }
}
