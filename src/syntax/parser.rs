//! Pairs of the grammar to the tree. Parsing returns a tree and errors, never one without the other.

use super::ast::{Body, File, Link, Literal, Number, Path, Relation, Selector, Setting};
use super::unopened::Columns;
use super::{braces, heads, mistakes, selectors};
use crate::diag::{Diagnostic, Diags, SourceId, Sources, Span, Spanned};
use pest::Parser;
use pest::iterators::Pair;

#[derive(pest_derive::Parser)]
#[grammar = "../grammar/clue.pest"]
struct Grammar;

/// Longer texts are no models.
const MAX_BYTES: usize = 4 << 20;

/// Parses a source: whatever is well-formed, and every mistake.
pub fn parse(sources: &Sources, id: SourceId) -> (File, Diags) {
    let text = &sources.get(id).text;
    let (balanced, found) = match text.len() > MAX_BYTES {
        true => Default::default(),
        false => braces::balance(text, id),
    };
    let diags = Diags::from(found);
    let columns = &Columns::new(text);
    let mut reader = Reader { source: id, text, columns, balanced: &balanced, diags, depth: 0 };
    if text.len() > MAX_BYTES {
        let message = format!("the file is {} MiB long, and at most 4 are read", text.len() >> 20);
        reader.diags.push(Diagnostic::error("E0115", message).at(Span::new(id, 0, 0), "here"));
        return (File { source: id, settings: Vec::new() }, reader.diags);
    }
    let settings = match Grammar::parse(Rule::file, &balanced.text) {
        Ok(pairs) => reader.entries(pairs.flat_map(Pair::into_inner)),
        // The grammar takes any text; were it not so, this says where.
        Err(error) => {
            let at = match error.location {
                pest::error::InputLocation::Pos(at) => at,
                pest::error::InputLocation::Span((at, _)) => at,
            };
            let at = balanced.original(at);
            reader.diags.push(mistakes::unreadable(Span::new(id, at, at)));
            Vec::new()
        }
    };
    (File { source: id, settings }, reader.diags)
}

/// Parses the argument of `--set`, `path=row`, whose source is the whole argument.
pub fn parse_argument(sources: &Sources, id: SourceId) -> (Option<Setting>, Diags) {
    let text = &sources.get(id).text;
    let mut diags = Diags::default();
    let whole = Span::new(id, 0, text.len());
    let Some((path, row)) = text.split_once('=') else {
        let meant = text.split_once([':', ' ']).map(|(path, row)| (path, row.trim()));
        let meant = meant.filter(|(path, row)| !row.is_empty() && reads(&format!("{path} {row}")));
        let (path, row) = meant.unwrap_or(("mixer.grid", "8x8"));
        diags.push(
            Diagnostic::error("E0120", "`--set` takes a path, `=` and a value")
                .at(whole, "no `=`")
                .help(format!("write --set '{path}={row}'")),
        );
        return (None, diags);
    };
    if path.trim().is_empty() || row.trim_start().starts_with('=') {
        let value = row.trim_start_matches(['=', ' ']);
        let (at, label, meant) = match path.trim() {
            "" if row.trim().is_empty() => (path.len(), "no path", "mixer.grid=8x8".to_string()),
            "" => (path.len(), "no path before it", format!("mixer.grid={row}")),
            path => (text.len() - row.trim_start().len(), "one more", format!("{path}={value}")),
        };
        diags.push(
            Diagnostic::error("E0120", "`--set` takes a path, `=` and a value")
                .at(Span::new(id, at, at + 1), label)
                .help(format!("write --set '{meant}'")),
        );
        return (None, diags);
    }
    if let Some(stage) = path.strip_prefix("stage")
        && stage.starts_with(|c: char| c.is_ascii_digit())
    {
        let (number, rest) = stage.split_once('.').unwrap_or((stage, "…"));
        let end = "stage".len() + number.len();
        diags.push(
            Diagnostic::error("E0117", "stages are selected at the end of a path")
                .at(Span::new(id, 0, end), "not here")
                .help(format!("write `{rest}@{number}={row}`")),
        );
        return (None, diags);
    }
    // With a blank for the `=` it is a setting like any other, at the same offsets.
    let setting = format!("{path} {row}");
    let (balanced, found) = braces::balance(&setting, id);
    // No item stands here: a setting, as inside of a body.
    let diags = Diags::from(found);
    let columns = &Columns::new(text);
    let mut reader = Reader { source: id, text, columns, balanced: &balanced, diags, depth: 1 };
    let settings = match Grammar::parse(Rule::file, &balanced.text) {
        Ok(pairs) => reader.entries(pairs.flat_map(Pair::into_inner)),
        Err(_) => Vec::new(),
    };
    let second = settings.get(1).map(|setting| setting.path.span).or_else(|| {
        // `width=8 blocks=2`.
        let (before, _) = row.rsplit_once('=').filter(|_| reader.diags.has_errors())?;
        let word = before.rsplit([' ', '\t']).next().filter(|word| reads(word))?;
        let end = path.len() + 1 + before.len();
        Some(Span::new(id, end - word.len(), end))
    });
    if let Some(second) = second {
        // Whatever else is wrong follows.
        let told = Diagnostic::error("E0120", "`--set` takes one setting")
            .at(second, "another one")
            .help("give every setting a `--set` of its own");
        return (None, vec![told].into());
    }
    if settings.is_empty() && reader.diags.0.is_empty() {
        reader.diags.push(
            Diagnostic::error("E0120", "`--set` takes one setting").at(whole, "not one setting"),
        );
    }
    (settings.into_iter().next().filter(|_| !reader.diags.has_errors()), reader.diags)
}

struct Reader<'a> {
    source: SourceId,
    text: &'a str,
    columns: &'a Columns<'a>,
    balanced: &'a braces::Balanced<'a>,
    diags: Diags,
    /// How many bodies are open.
    depth: usize,
}

impl Reader<'_> {
    fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        let at = |at| self.balanced.original(at);
        Span::new(self.source, at(pair.as_span().start()), at(pair.as_span().end()))
    }

    fn spanned(&self, pair: &Pair<'_, Rule>) -> Spanned<String> {
        Spanned::new(pair.as_str().to_string(), self.span(pair))
    }

    fn entries<'p>(&mut self, pairs: impl Iterator<Item = Pair<'p, Rule>>) -> Vec<Setting> {
        let mut settings = Vec::new();
        let mut doc: Vec<String> = Vec::new();
        let mut above = None;
        for pair in pairs {
            match pair.as_rule() {
                Rule::doc => {
                    let text = pair.as_str().trim_start_matches('/').trim();
                    above = Some(self.span(&pair));
                    doc.push(text.to_string());
                }
                Rule::setting => {
                    above = None;
                    let doc = std::mem::take(&mut doc);
                    let doc = (!doc.is_empty()).then(|| doc.join("\n"));
                    settings.extend(self.setting(pair, doc));
                }
                Rule::junk => {
                    (above, doc) = (None, Vec::new());
                    let alone = pair.as_str().starts_with('{');
                    let body = self.mistaken(pair, None);
                    // A body on a line of its own is that of the line above.
                    let owner = settings.last_mut().filter(|setting| setting.body.is_none());
                    if let Some(owner) = owner.filter(|_| alone) {
                        owner.body = body;
                    }
                }
                Rule::stray => {
                    let brace = self.span(&pair);
                    let told = self.columns.closed_by(&mut settings, brace);
                    self.diags.push(told.unwrap_or_else(|| mistakes::stray(brace)));
                }
                _ => {}
            }
        }
        if let Some(last) = above {
            self.diags.push(mistakes::undocumented(last));
        }
        if self.depth == 0 {
            let (items, found) = self.columns.opened(settings);
            self.diags.0.extend(found);
            return items;
        }
        settings
    }

    /// A line in error is reported, and marked as broken.
    fn setting(&mut self, pair: Pair<'_, Rule>, doc: Option<String>) -> Option<Setting> {
        let before = self.diags.0.len();
        // An item whose head was written wrongly, but is known.
        let mut mended = false;
        let mut parts = pair.into_inner();
        let path = self.path(parts.next()?);
        let mut span = path.span;
        let mut setting = Setting {
            doc,
            span,
            path,
            row: Vec::new(),
            links: Vec::new(),
            body: None,
            broken: false,
        };
        for part in parts {
            let here = self.span(&part);
            match part.as_rule() {
                Rule::link => {
                    span = span.to(here);
                    setting.links.extend(self.link(part));
                }
                Rule::body => setting.body = Some(self.body(part)),
                Rule::extra => {
                    let bare = setting.body.is_none();
                    let body = self.mistaken(part, Some(&mut setting));
                    mended = self.depth == 0 && !setting.links.is_empty();
                    // What it says is looked at all the same; whose it is can not be told.
                    if bare && body.is_some() {
                        (setting.body, setting.broken) = (body, !mended);
                    }
                }
                _ => {
                    span = span.to(here);
                    if let Some(literal) = self.literal(&part) {
                        setting.row.push(Spanned::new(literal, here));
                    }
                }
            }
        }
        setting.span = span;
        if let Some(found) = selectors::hyphen(&setting) {
            self.diags.push(found);
            setting.row.clear();
            setting.broken = true;
            select_nothing(&mut setting);
        }
        if let Some(found) = mistakes::loose_size(&setting.row) {
            self.diags.push(found);
        }
        // Mistakes inside a body are the body's: the setting itself still stands.
        let own = self.diags.0[before..].iter().any(|d| {
            d.labels.first().is_some_and(|l| setting.body.is_none() || l.span.start < span.end)
        });
        setting.broken |= own && setting.body.is_none() && !mended;
        Some(setting)
    }

    fn path(&mut self, pair: Pair<'_, Rule>) -> Path {
        let span = self.span(&pair);
        let mut keys = Vec::new();
        let mut selector = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::selector => {
                    let here = self.span(&part);
                    selector = Some(Spanned::new(self.selector(part), here));
                }
                _ => keys.push(self.spanned(&part)),
            }
        }
        Path { keys, selector, span }
    }

    fn selector(&mut self, pair: Pair<'_, Rule>) -> Selector {
        if pair.as_str() == "each" {
            return Selector::Each;
        }
        let stages = pair
            .into_inner()
            .filter(|part| part.as_rule() == Rule::span)
            .map(|part| {
                // A stage too large to count is no stage either: the model says so.
                let mut ends = part.as_str().split("..").map(|d| d.parse().unwrap_or(usize::MAX));
                let low = ends.next().unwrap_or(0);
                (low, ends.next().unwrap_or(low))
            })
            .collect();
        Selector::Stages(stages)
    }

    fn link(&mut self, pair: Pair<'_, Rule>) -> Option<Link> {
        let mut parts = pair.into_inner();
        let word = parts.next()?;
        let relation = match word.as_str() {
            "from" => Relation::From,
            "with" => Relation::With,
            _ => Relation::Of,
        };
        let names = parts.map(|part| self.spanned(&part)).collect();
        Some(Link { relation: Spanned::new(relation, self.span(&word)), names })
    }

    fn body(&mut self, pair: Pair<'_, Rule>) -> Body {
        let whole = self.span(&pair);
        let start = whole.start as usize;
        let open = Span::new(self.source, start, start + 1);
        let wrong = [Rule::junk, Rule::unclosed];
        let last = pair.clone().into_inner().last();
        let close = last.filter(|last| last.as_rule() == Rule::close);
        let end = close.map_or(whole.end, |close| self.span(&close).start);
        let broken = pair.clone().into_inner().any(|part| wrong.contains(&part.as_rule()));
        self.depth += 1;
        let settings = self.entries(pair.into_inner());
        self.depth -= 1;
        Body { settings, open, end, broken }
    }

    fn literal(&mut self, pair: &Pair<'_, Rule>) -> Option<Literal> {
        let span = self.span(pair);
        match pair.as_rule() {
            Rule::word => Some(Literal::Name(pair.as_str().to_string())),
            Rule::size => {
                let sides = pair.as_str().split('x').map(|s| s.parse().ok()).collect();
                match sides {
                    Some(sides) => Some(Literal::Size(sides)),
                    None => {
                        self.diags.push(mistakes::too_large(span));
                        None
                    }
                }
            }
            Rule::number => self.number(pair, span).map(Literal::Number),
            Rule::range => {
                let mut bounds = pair.clone().into_inner();
                let (low, high) = (bounds.next()?, bounds.next()?);
                Some(Literal::Range(self.number(&low, span)?, self.number(&high, span)?))
            }
            Rule::text => self.string(pair, span),
            _ => None,
        }
    }

    fn number(&mut self, pair: &Pair<'_, Rule>, span: Span) -> Option<Number> {
        let mut parts = pair.clone().into_inner();
        let digits = parts.next()?.as_str().replace('_', "");
        let unit = parts.next().map(|u| u.as_str().to_string()).unwrap_or_default();
        match digits.parse::<f64>() {
            Ok(value) if value.is_finite() => Some(Number { digits, value, unit }),
            _ => {
                self.diags.push(mistakes::too_large(span));
                None
            }
        }
    }

    fn string(&mut self, pair: &Pair<'_, Rule>, span: Span) -> Option<Literal> {
        let inner = pair.as_str().get(1..pair.as_str().len() - 1)?;
        let mut text = String::new();
        let mut chars = inner.char_indices();
        while let Some((at, c)) = chars.next() {
            match (c, c == '\\') {
                (_, false) => text.push(c),
                _ => match chars.next().map(|(_, c)| c) {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some(c @ ('"' | '\\')) => text.push(c),
                    other => {
                        let len = 1 + other.map_or(0, char::len_utf8);
                        // Behind the opening quote.
                        let start = span.start as usize + 1 + at;
                        let place = Span::new(span.source, start, start + len);
                        self.diags.push(mistakes::escape(place));
                        return None;
                    }
                },
            }
        }
        Some(Literal::Text(text))
    }

    /// Reports a `junk` line or the `extra` rest of one, and what is wrong inside its body, which it
    /// gives.
    fn mistaken(&mut self, pair: Pair<'_, Rule>, after: Option<&mut Setting>) -> Option<Body> {
        let whole = self.span(&pair);
        let mut text = None;
        let mut body = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::rest => text = Some(self.span(&part)),
                _ => body = Some(part),
            }
        }
        let span = match text {
            Some(span) => {
                let raw = &self.text.get(span.start as usize..span.end as usize).unwrap_or("");
                Span { end: span.start + raw.trim_end().len() as u32, ..span }
            }
            None => Span { end: whole.start + 1, ..whole },
        };
        let raw = self.text.get(span.start as usize..span.end as usize).unwrap_or("");
        let selector = after.as_ref().and_then(|setting| selectors::unread(raw, span, setting));
        let mut after = after;
        let item = after.as_mut().filter(|_| self.depth == 0);
        let head = item.and_then(|setting| heads::mend(raw, span, setting));
        match (selector, head, after) {
            (Some(unread), _, Some(setting)) => {
                self.diags.push(unread);
                select_nothing(setting);
            }
            (_, Some(told), _) => self.diags.push(told),
            (.., after) => {
                let start = after.map(|setting| {
                    // Up to here, without the body it may have.
                    let said = setting.row.iter().map(|value| value.span.end);
                    let end = said.chain([setting.path.span.end]).max().unwrap_or_default();
                    let whole = setting.path.span.start as usize..end as usize;
                    mistakes::Start { setting, text: self.text.get(whole).unwrap_or("") }
                });
                self.diags.push(mistakes::explain(raw, span, start, text.is_none()));
            }
        }
        body.map(|body| self.body(body))
    }
}

/// Its stages could not be read: it speaks of none, and says nothing twice.
fn select_nothing(setting: &mut Setting) {
    let span = setting.path.span;
    setting.path.selector = Some(Spanned::new(Selector::Stages(Vec::new()), span));
}

/// Whether a line is one or several settings, and nothing else.
pub(super) fn reads(line: &str) -> bool {
    let wrong = [Rule::junk, Rule::extra, Rule::stray, Rule::unclosed];
    Grammar::parse(Rule::file, line)
        .is_ok_and(|pairs| pairs.flatten().all(|pair| !wrong.contains(&pair.as_rule())))
}
