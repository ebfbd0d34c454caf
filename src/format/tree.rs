//! A concrete tree: every word and every comment of a text that parses.
//!
//! The syntax tree knows where the words stand. Between them are only blanks, line breaks, `;`, `,`,
//! comments and closing braces, which are read here.

use crate::diag::Span;
use crate::syntax::ast;

/// The inside of a body, or a whole file.
#[derive(Debug, Default)]
pub struct Block<'a> {
    /// A remark behind the opening brace.
    pub remark: Option<&'a str>,
    pub lines: Vec<Line<'a>>,
    /// Written on one line, without comments.
    pub flat: bool,
}

#[derive(Debug)]
pub enum Line<'a> {
    /// One or more blank lines.
    Blank,
    /// A `//` or `///` comment on a line of its own.
    Comment(&'a str),
    Setting(Setting<'a>),
}

#[derive(Debug)]
pub struct Setting<'a> {
    pub path: &'a str,
    /// The row, then the relations; a comma belongs to the word before it.
    pub words: Vec<String>,
    /// How many of the words are the row.
    pub row: usize,
    pub body: Option<Block<'a>>,
    /// A remark at the end of its last line.
    pub remark: Option<&'a str>,
}

/// Reads a text that was parsed, without errors, as `file`.
pub fn read<'a>(text: &'a str, file: &ast::File) -> Block<'a> {
    let mut reader = Reader { text, at: 0, breaks: 0 };
    reader.block(&file.settings)
}

struct Reader<'a> {
    text: &'a str,
    /// Everything before it has been read.
    at: usize,
    /// Line breaks since the last word or comment.
    breaks: usize,
}

impl<'a> Reader<'a> {
    /// Reads settings up to and with the brace that closes them, or the end of the file.
    fn block(&mut self, settings: &[ast::Setting]) -> Block<'a> {
        let start = self.at;
        self.breaks = 0;
        let mut block = Block::default();
        for setting in settings {
            self.between(setting.path.span.start as usize, &mut block);
            self.blank(&mut block);
            let line = Line::Setting(self.setting(setting));
            block.lines.push(line);
        }
        self.between(self.text.len(), &mut block);
        // A comment ends with its line: a body on one line has none.
        block.flat = !self.text[start..self.at].contains('\n');
        block
    }

    fn setting(&mut self, setting: &ast::Setting) -> Setting<'a> {
        let path = self.word(setting.path.span);
        let mut words: Vec<String> =
            setting.row.iter().map(|value| self.word(value.span).to_string()).collect();
        let row = words.len();
        for link in &setting.links {
            words.push(self.word(link.relation.span).to_string());
            for (index, name) in link.names.iter().enumerate() {
                let comma = if index + 1 < link.names.len() { "," } else { "" };
                words.push(format!("{}{comma}", self.word(name.span)));
            }
        }
        let body = setting.body.as_ref().map(|body| {
            self.word(body.open);
            self.block(&body.settings)
        });
        self.breaks = 0;
        Setting { path, words, row, body, remark: None }
    }

    fn word(&mut self, span: Span) -> &'a str {
        self.at = span.end as usize;
        &self.text[span.start as usize..span.end as usize]
    }

    /// Reads what stands before `end`, or before the brace that closes the block.
    fn between(&mut self, end: usize, block: &mut Block<'a>) {
        while self.at < end {
            let rest = &self.text[self.at..end];
            if rest.starts_with("//") {
                let comment = rest.lines().next().unwrap_or(rest);
                self.comment(comment.trim_end(), block);
                self.at += comment.len();
                continue;
            }
            match rest.as_bytes()[0] {
                b'}' => {
                    self.at += 1;
                    return;
                }
                b'\n' => self.breaks += 1,
                _ => {}
            }
            self.at += 1;
        }
    }

    fn comment(&mut self, comment: &'a str, block: &mut Block<'a>) {
        let behind = self.breaks == 0 && !comment.starts_with("///");
        match block.lines.last_mut() {
            Some(Line::Setting(setting)) if behind => setting.remark = Some(comment),
            // Behind an opening brace, not at the start of the file.
            None if behind && self.text[..self.at].contains('{') => block.remark = Some(comment),
            _ => {
                self.blank(block);
                block.lines.push(Line::Comment(comment));
            }
        }
        self.breaks = 0;
    }

    fn blank(&mut self, block: &mut Block<'a>) {
        if self.breaks > 1 && !block.lines.is_empty() {
            block.lines.push(Line::Blank);
        }
    }
}
