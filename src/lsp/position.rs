//! Places of the protocol, a line and a column, to bytes of a text and back.

use crate::diag::Span;
use gen_lsp_types::{Position, Range};

/// What columns count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    Utf8,
    #[default]
    Utf16,
}

/// The lines of a text.
#[derive(Debug)]
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
    encoding: Encoding,
}

impl<'a> Lines<'a> {
    pub fn new(text: &'a str, encoding: Encoding) -> Lines<'a> {
        let bytes = text.as_bytes();
        let breaks = (0..bytes.len()).filter(|&at| match bytes[at] {
            b'\n' => true,
            // Of `\r\n` the second ends the line.
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        });
        Lines { text, starts: [0].into_iter().chain(breaks.map(|at| at + 1)).collect(), encoding }
    }

    /// Of the character that holds the byte.
    pub fn position(&self, byte: usize) -> Position {
        let mut at = byte.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let line = self.starts.partition_point(|&start| start <= at) - 1;
        let before = &self.text[self.starts[line]..at];
        let column = match self.encoding {
            Encoding::Utf8 => before.len(),
            Encoding::Utf16 => before.encode_utf16().count(),
        };
        Position::new(line as u32, column as u32)
    }

    /// What lies behind the end of a line, or of the text, is its end.
    pub fn byte(&self, Position { line, character }: Position) -> usize {
        let Some(&start) = self.starts.get(line as usize) else { return self.text.len() };
        let end = self.starts.get(line as usize + 1).copied().unwrap_or(self.text.len());
        let line = self.text[start..end].trim_end_matches(['\r', '\n']);
        let mut column = 0;
        for (at, c) in line.char_indices() {
            if column >= character as usize {
                return start + at;
            }
            column += match self.encoding {
                Encoding::Utf8 => c.len_utf8(),
                Encoding::Utf16 => c.len_utf16(),
            };
        }
        start + line.len()
    }

    pub fn range(&self, start: usize, end: usize) -> Range {
        Range::new(self.position(start), self.position(end))
    }

    pub fn span(&self, span: Span) -> Range {
        self.range(span.start as usize, span.end as usize)
    }

    /// The bytes of a range; one that runs backwards is empty.
    pub fn bytes(&self, range: Range) -> std::ops::Range<usize> {
        let start = self.byte(range.start);
        start..self.byte(range.end).max(start)
    }
}
