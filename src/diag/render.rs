//! How a diagnostic looks on a terminal: the only file that knows miette.

use super::{Diagnostic, Diags, Help, Label, Severity, Source, SourceId, Sources, Span};
use miette::{LabeledSpan, MietteError, MietteSpanContents, ReportHandler, SourceCode, SourceSpan};
use std::fmt;
use std::io::IsTerminal;

/// A line longer than this (in bytes) is named, not drawn.
const LONGEST_LINE: usize = 400;

/// Width of reports that go to a file or a pipe.
const PIPED_WIDTH: usize = 100;

/// Where a report is going to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    pub color: bool,
    /// Columns; `None` asks the terminal.
    pub width: Option<usize>,
}

impl Look {
    /// No color, a fixed width: files, pipes and tests.
    pub const PLAIN: Look = Look { color: false, width: Some(PIPED_WIDTH) };

    /// What standard error, where reports go, can show. `NO_COLOR` turns color off.
    pub fn detect() -> Look {
        if !std::io::stderr().is_terminal() {
            return Look::PLAIN;
        }
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Look { color: !refused && !dumb, width: None }
    }
}

/// The report of one diagnostic for standard error, ending in a line break.
pub fn report(d: &Diagnostic, sources: &Sources) -> String {
    report_as(d, sources, Look::detect())
}

/// The report of one diagnostic in a given look.
pub fn report_as(d: &Diagnostic, sources: &Sources, look: Look) -> String {
    let (drawn, named): (Vec<&Label>, Vec<&Label>) =
        d.labels.iter().partition(|label| is_drawable(sources, label.span));

    // A report draws one text; the labels in other texts follow as snippets of their own.
    let mut texts: Vec<SourceId> = Vec::new();
    for label in &drawn {
        if !texts.contains(&label.span.source) {
            texts.push(label.span.source);
        }
    }
    let snippet = |id: SourceId| Snippet {
        excerpt: Excerpt(sources.get(id)),
        labels: drawn.iter().copied().filter(|label| label.span.source == id).collect(),
    };
    let mut pages = vec![Shown {
        message: d.message.clone(),
        code: Some(d.code),
        severity: match d.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        },
        help: None,
        snippet: texts.first().copied().map(snippet),
    }];
    pages.extend(texts.iter().skip(1).map(|&id| Shown {
        message: format!("and in {}", sources.get(id).name),
        code: None,
        severity: miette::Severity::Advice,
        help: None,
        snippet: Some(snippet(id)),
    }));
    // What to do about it comes last.
    if let Some(last) = pages.last_mut() {
        last.help = d.help.as_ref();
    }
    let mut out: String = pages.iter().map(|page| draw(page, look)).collect();
    for label in named {
        let Source { name, text, .. } = sources.get(label.span.source);
        let (line, column) = sources.position(clamp(text, label.span));
        out.push_str(&format!("  at {name}:{line}:{column}: {}\n", label.message));
    }
    out
}

/// `2 errors, 1 warning`; empty if there is nothing to say.
pub fn summary(diags: &Diags) -> String {
    let errors = diags.0.iter().filter(|d| d.is_error()).count();
    let warnings = diags.0.len() - errors;
    let count = |n: usize, word: &str| match n {
        0 => None,
        1 => Some(format!("1 {word}")),
        n => Some(format!("{n} {word}s")),
    };
    let parts: Vec<String> =
        [count(errors, "error"), count(warnings, "warning")].into_iter().flatten().collect();
    parts.join(", ")
}

fn draw(shown: &Shown<'_>, look: Look) -> String {
    /// Lets a `ReportHandler`, which wants a formatter, write into a string.
    struct Page<'a>(&'a Shown<'a>, Look);
    impl fmt::Display for Page<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let options = miette::MietteHandlerOpts::new()
                .force_graphical(true)
                .unicode(true)
                .color(self.1.color)
                .terminal_links(false)
                .context_lines(1)
                .tab_width(4)
                .break_words(false);
            let options = match self.1.width {
                Some(width) => options.width(width),
                None => options,
            };
            options.build().debug(self.0, f)
        }
    }
    let mut page = Page(shown, look).to_string();
    // miette pads lines; trailing blanks are noise in files.
    page = page.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    let start = page.len() - page.trim_start_matches('\n').len();
    page.drain(..start);
    page.push('\n');
    page
}

/// A span inside its text, at character boundaries, not past the end of its first line: a body of
/// a thousand lines is pointed at by its opening. A place behind everything (the end of the file)
/// becomes the last character that can be seen.
fn clamp(text: &str, span: Span) -> Span {
    let start = floor_boundary(text, span.start as usize);
    let end = floor_boundary(text, (span.end as usize).max(start));
    let seen = text.trim_end();
    if start >= seen.len() {
        let last = seen.char_indices().next_back().map_or(0, |(i, _)| i);
        return Span::new(span.source, last, seen.len());
    }
    let line = text[start..end].lines().next().map_or(0, str::len);
    Span::new(span.source, start, start + line)
}

fn floor_boundary(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn is_drawable(sources: &Sources, span: Span) -> bool {
    let text = &sources.get(span.source).text;
    if text.trim_end().is_empty() {
        return false;
    }
    let start = clamp(text, span).start as usize;
    let (before, after) = text.as_bytes().split_at(start);
    // Of a longer one it is not asked how long.
    let before = before.iter().rev().take(LONGEST_LINE + 1).take_while(|&&b| b != b'\n').count();
    let after = after.iter().take(LONGEST_LINE + 1).take_while(|&&b| b != b'\n').count();
    before + after <= LONGEST_LINE
}

/// One text with the labels that lie in it.
#[derive(Debug)]
struct Snippet<'a> {
    excerpt: Excerpt<'a>,
    labels: Vec<&'a Label>,
}

/// A diagnostic in miette's terms.
#[derive(Debug)]
struct Shown<'a> {
    message: String,
    code: Option<&'a str>,
    severity: miette::Severity,
    help: Option<&'a Help>,
    snippet: Option<Snippet<'a>>,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl miette::Diagnostic for Shown<'_> {
    fn code(&self) -> Option<Box<dyn fmt::Display + '_>> {
        self.code.map(|code| Box::new(code) as Box<dyn fmt::Display>)
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn help(&self) -> Option<Box<dyn fmt::Display + '_>> {
        self.help.map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.snippet.as_ref().map(|snippet| &snippet.excerpt as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let snippet = self.snippet.as_ref()?;
        Some(Box::new(snippet.labels.iter().enumerate().map(|(index, label)| {
            let span = clamp(&snippet.excerpt.0.text, label.span);
            let range = span.start as usize..span.end as usize;
            let message = Some(label.message.clone()).filter(|message| !message.is_empty());
            // The mistake itself gives the report its line and column, wherever it stands.
            if index == 0 {
                LabeledSpan::new_primary_with_span(message, range)
            } else {
                LabeledSpan::new_with_span(message, range)
            }
        })))
    }
}

/// A text of which miette sees the lines around a label, however long the text is.
#[derive(Debug)]
struct Excerpt<'a>(&'a Source);

impl SourceCode for Excerpt<'_> {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, MietteError> {
        let (start, end) = (span.offset(), span.offset() + span.len());
        if end > self.0.text.len() {
            return Err(MietteError::OutOfBounds);
        }
        // Bytes, not characters: miette asks for places between labels too. One line more than asked
        // for on either side, as miette itself finds where lines end.
        let bytes = self.0.text.as_bytes();
        let mut from = start;
        for _ in 0..before + 2 {
            let line_end = bytes[..from.saturating_sub(1)].iter().rposition(|&b| b == b'\n');
            from = line_end.map_or(0, |i| i + 1);
        }
        let mut to = end;
        for _ in 0..after + 2 {
            let rest = &bytes[to..];
            to += rest.iter().position(|&b| b == b'\n').map_or(rest.len(), |i| i + 1);
        }
        let skipped = self.0.position(from).0 - 1;
        let inner = bytes[from..to].read_span(
            &SourceSpan::from((start - from, span.len())),
            before,
            after,
        )?;
        let place = SourceSpan::from((inner.span().offset() + from, inner.span().len()));
        Ok(Box::new(MietteSpanContents::new_named(
            self.0.name.clone(),
            inner.data(),
            place,
            inner.line() + skipped,
            inner.column(),
            inner.line_count(),
        )))
    }
}
