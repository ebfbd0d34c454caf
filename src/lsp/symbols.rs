//! The outline of a text, and what can be folded in it.

use super::position::Lines;
use super::view::View;
use crate::diag::Span;
use crate::syntax::ast::{Body, Setting};
use gen_lsp_types::{DocumentSymbol, FoldingRange, FoldingRangeKind, Range, SymbolKind};

/// The items of the open text, with their settings.
pub fn symbols(view: View<'_>) -> Vec<DocumentSymbol> {
    let lines = view.lines(View::ROOT);
    let settings = view.tree().into_iter().flat_map(|file| &file.settings);
    settings.filter_map(|setting| item(view, &lines, setting)).collect()
}

fn item(view: View<'_>, lines: &Lines<'_>, setting: &Setting) -> Option<DocumentSymbol> {
    let item = view.items().declared(setting)?;
    let label = item.label.as_ref().map(|label| format!(" \"{label}\"")).unwrap_or_default();
    let range = lines.span(whole(setting));
    let name = Named { text: &item.name.value, span: item.name.span };
    let detail = format!("{}{label}", item.sort.word());
    let children = Some(inside(view, lines, setting));
    Some(symbol(lines, name, detail, SymbolKind::Class, range, children))
}

fn inside(view: View<'_>, lines: &Lines<'_>, setting: &Setting) -> Vec<DocumentSymbol> {
    let settings = setting.body.iter().flat_map(|body| &body.settings);
    let of = |setting: &Setting| {
        if let Some(case) = item(view, lines, setting) {
            return case;
        }
        let path = setting.path.span;
        let name = Named { text: view.reading.sources.slice(path), span: path };
        let value = Span { start: path.end, ..setting.span };
        let detail = view.reading.sources.slice(value).trim().to_string();
        let range = lines.span(whole(setting));
        let children = setting.body.is_some().then(|| inside(view, lines, setting));
        symbol(lines, name, detail, SymbolKind::Property, range, children)
    };
    settings.map(of).collect()
}

/// A name and where it stands.
struct Named<'a> {
    text: &'a str,
    span: Span,
}

fn symbol(
    lines: &Lines<'_>,
    name: Named<'_>,
    detail: String,
    kind: SymbolKind,
    range: Range,
    children: Option<Vec<DocumentSymbol>>,
) -> DocumentSymbol {
    let (tags, deprecated) = (None, None);
    let place = lines.span(name.span);
    let name = name.text.to_string();
    DocumentSymbol::new(name, Some(detail), kind, tags, deprecated, range, place, children)
}

/// A setting with its body.
fn whole(setting: &Setting) -> Span {
    match &setting.body {
        // With the brace, if there is one: a position behind the text is its end.
        Some(body) => Span { end: body.end + u32::from(!body.broken), ..setting.span },
        None => setting.span,
    }
}

/// Bodies, and runs of comments.
pub fn folds(view: View<'_>) -> Vec<FoldingRange> {
    let lines = view.lines(View::ROOT);
    let mut folds = Vec::new();
    let bodies = view.tree().into_iter().flat_map(|file| &file.settings);
    bodies.filter_map(|setting| setting.body.as_ref()).for_each(|body| {
        fold_body(&lines, body, &mut folds);
    });
    let mut start: Option<u32> = None;
    let rows = view.text().lines().map(|line| line.trim_start().starts_with("//"));
    for (number, comment) in (0u32..).zip(rows.chain([false])) {
        match (comment, start) {
            (true, None) => start = Some(number),
            (false, Some(first)) => {
                if number - first > 1 {
                    let kind = Some(FoldingRangeKind::Comment);
                    let end_line = number - 1;
                    folds.push(FoldingRange {
                        start_line: first,
                        end_line,
                        kind,
                        ..Default::default()
                    });
                }
                start = None;
            }
            _ => {}
        }
    }
    folds
}

/// The last line, with the brace, stays in sight.
fn fold_body(lines: &Lines<'_>, body: &Body, folds: &mut Vec<FoldingRange>) {
    let start_line = lines.position(body.open.start as usize).line;
    let end_line = lines.position(body.end as usize).line.saturating_sub(1);
    if end_line > start_line {
        folds.push(FoldingRange { start_line, end_line, ..Default::default() });
    }
    body.settings.iter().filter_map(|s| s.body.as_ref()).for_each(|b| fold_body(lines, b, folds));
}
