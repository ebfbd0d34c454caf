//! Bodies whose `{` is missing, told by how far right lines stand.
//!
//! Where braces agree, lines may begin wherever they like: only what is wrong anyway is told so. A
//! brace that closes nothing shows it, and so does a setting that stands below an item and can be none.
//! Inside of bodies the schema knows it.

use super::ast::{Body, Literal, Setting};
use super::braces::MAX_DEPTH;
use crate::diag::{Diagnostic, Span, Spanned};
use std::collections::VecDeque;

/// How far right the lines of a text stand.
pub struct Columns<'a> {
    text: &'a str,
    /// Of every line, where it starts and where its first word does.
    lines: Vec<(u32, u32)>,
}

impl<'a> Columns<'a> {
    pub fn new(text: &'a str) -> Columns<'a> {
        let mut start = 0;
        let line = |line: &str| {
            let blanks = line.len() - line.trim_start().len();
            let begins = (start, start + blanks as u32);
            start += line.len() as u32;
            begins
        };
        Columns { text, lines: text.split_inclusive('\n').map(line).collect() }
    }

    fn line(&self, at: u32) -> (u32, u32) {
        let behind = self.lines.partition_point(|(start, _)| *start <= at);
        behind.checked_sub(1).map_or((0, 0), |line| self.lines[line])
    }

    fn of(&self, at: u32) -> u32 {
        at - self.line(at).0
    }

    /// The same where a line begins with what stands there.
    fn indent(&self, at: u32) -> Option<u32> {
        let (start, first) = self.line(at);
        (first == at).then_some(at - start)
    }

    /// Where a body ends, with its brace if there is one.
    fn behind(&self, body: &Body) -> u32 {
        let brace = self.text.as_bytes().get(body.end as usize) == Some(&b'}');
        body.end + u32::from(brace)
    }

    fn of_setting(&self, setting: &Setting) -> u32 {
        self.of(setting.path.span.start)
    }

    fn indent_of(&self, setting: &Setting) -> Option<u32> {
        self.indent(setting.path.span.start)
    }

    /// A brace that closes nothing stands below a setting without a body, and what is between them
    /// further right: it closes that setting, to which what is between them goes. Or it closes one
    /// that was closed too early, by the brace of another one inside it.
    pub fn closed_by(&self, settings: &mut Vec<Setting>, brace: Span) -> Option<Diagnostic> {
        let left = self.of(brace.start);
        let at = settings.iter().rposition(|setting| self.of_setting(setting) <= left)?;
        let inside = settings.split_off(at + 1);
        let owner = settings.last_mut()?;
        let above = self.of_setting(owner) == left;
        let told = match &mut owner.body {
            _ if !above => None,
            None if inside.is_empty() => None,
            None => {
                let open = Span { start: owner.span.end, ..owner.span };
                let told = unopened(owner.span)
                    .at(brace, "closed here")
                    .help("put a `{` at the end of its line")
                    .fix(open, " {");
                owner.body = Some(Body { settings: inside, open, end: brace.start, broken: false });
                return Some(told);
            }
            Some(body) => {
                let early = Span { start: body.end, end: self.behind(body), ..brace };
                let closes = early.start < early.end;
                let is_early = closes && self.indent(body.end).is_some_and(|column| column > left);
                is_early.then(|| self.closed_by(&mut body.settings, early)).flatten()
            }
        };
        match (&told, &mut owner.body) {
            (Some(_), Some(body)) => {
                body.settings.extend(inside);
                body.end = brace.start;
            }
            _ => settings.extend(inside),
        }
        told
    }

    /// Gives items without a body what stands below them, further right, where that is no item.
    pub fn opened(&self, settings: Vec<Setting>) -> (Vec<Setting>, Vec<Diagnostic>) {
        let mut rest = VecDeque::from(settings);
        let (mut items, mut found) = (Vec::new(), Vec::new());
        while let Some(mut item) = rest.pop_front() {
            let below = match is_named(&item) {
                true => self.below(&item, &mut rest),
                false => Vec::new(),
            };
            if below.iter().all(is_item) {
                below.into_iter().rev().for_each(|setting| rest.push_front(setting));
            } else {
                let mut braces = Braces::default();
                let open = Span { start: item.span.end, ..item.span };
                self.fill(&mut item, below, &mut braces);
                found.push(braces.told(self.text, open));
            }
            items.push(item);
        }
        (items, found)
    }

    /// The lines behind a setting without a body that stand further right.
    fn below(&self, owner: &Setting, rest: &mut VecDeque<Setting>) -> Vec<Setting> {
        let Some(left) = self.indent_of(owner).filter(|_| owner.body.is_none()) else {
            return Vec::new();
        };
        let right = |setting: &Setting| self.indent_of(setting).map(|column| column > left);
        if rest.front().and_then(right) != Some(true) {
            return Vec::new();
        }
        // What shares a line belongs to it.
        let count = rest.iter().position(|setting| right(setting) == Some(false));
        rest.drain(..count.unwrap_or(rest.len())).collect()
    }

    /// Makes a body of what stands below a setting, and of what stands below one of these; gives where
    /// it ends.
    fn fill(&self, owner: &mut Setting, below: Vec<Setting>, braces: &mut Braces) -> u32 {
        let open = Span { start: owner.span.end, ..owner.span };
        let mut end = open.start;
        braces.owners.push(owner.span);
        braces.depth += 1;
        braces.written.push((open.start, " {".to_string()));
        let mut rest = VecDeque::from(below);
        let mut settings = Vec::new();
        while let Some(mut setting) = rest.pop_front() {
            let below = match braces.depth < MAX_DEPTH {
                true => self.below(&setting, &mut rest),
                false => Vec::new(),
            };
            end = match (below.is_empty(), &setting.body) {
                (false, _) => self.fill(&mut setting, below, braces),
                (_, Some(body)) => self.behind(body),
                (_, None) => setting.span.end,
            };
            settings.push(setting);
        }
        let blanks = " ".repeat(self.of_setting(owner) as usize);
        braces.written.push((end, format!("\n{blanks}}}")));
        owner.body = Some(Body { settings, open, end, broken: false });
        braces.depth -= 1;
        end
    }
}

/// The braces that are missing where there are none.
#[derive(Default)]
struct Braces {
    owners: Vec<Span>,
    /// With what is around them, in their order.
    written: Vec<(u32, String)>,
    /// How many bodies are open.
    depth: usize,
}

impl Braces {
    fn told(&self, text: &str, open: Span) -> Diagnostic {
        let told = never_opened(&self.owners);
        let (mut mended, mut from) = (String::new(), open.start);
        for (at, brace) in &self.written {
            mended.push_str(text.get(from as usize..*at as usize).unwrap_or(""));
            mended.push_str(brace);
            from = *at;
        }
        told.fix(Span { end: from, ..open }, mended)
    }
}

const CLOSE_TOO: &str = "put a `{` at the end of its line, and a `}` below what it holds";

fn unopened(owner: Span) -> Diagnostic {
    Diagnostic::error("E0110", "this body is never opened").at(owner, "no `{` behind it")
}

/// The bodies of these, the first around the others, have neither of their braces.
pub fn never_opened(owners: &[Span]) -> Diagnostic {
    let told = unopened(owners[0]).help(CLOSE_TOO);
    owners[1..].iter().fold(told, |told, &owner| told.at(owner, "nor behind it"))
}

/// Whether it may be an item: its sort, and a name or a file.
fn is_item(setting: &Setting) -> bool {
    let of_text = matches!(setting.row[..], [Spanned { value: Literal::Text(_), .. }]);
    is_named(setting) || of_text && setting.path.keys.len() == 1
}

/// Its sort, and a name.
fn is_named(setting: &Setting) -> bool {
    let named = matches!(setting.row[..], [Spanned { value: Literal::Name(_), .. }, ..]);
    named && setting.path.keys.len() == 1 && setting.path.selector.is_none()
}
