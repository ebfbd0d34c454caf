//! Layers: the stack of bodies that make a model, each flattened to lines.

use super::items::{Item, Items, Sort};
use crate::diag::{Diagnostic, Diags, SourceId, Span, Spanned};
use crate::syntax::ast::{Body, Literal, Selector, Setting};

/// One body (of a parent, a family, the model itself, or a `--set`).
#[derive(Debug, Clone)]
pub struct Layer {
    pub lines: Vec<Line>,
    /// The file whose names its lines see.
    pub home: SourceId,
    /// Whose lines each have to change something: the model's own body and `--set`, over a parent.
    pub strict: bool,
}

/// A setting with the path from the top: `mixer { grid@3 7x7 }` is `mixer.grid@3 7x7`.
#[derive(Debug, Clone)]
pub struct Line {
    pub keys: Vec<Spanned<String>>,
    pub selector: Option<Spanned<Selector>>,
    pub row: Vec<Spanned<Literal>>,
    pub span: Span,
}

impl Line {
    pub fn row_span(&self) -> Span {
        match (self.row.first(), self.row.last()) {
            (Some(first), Some(last)) => first.span.to(last.span),
            _ => self.span,
        }
    }

    fn path(&self) -> Vec<&str> {
        self.keys.iter().map(|k| k.value.as_str()).collect()
    }
}

/// The layers of a model, lowest first.
pub fn stack(items: &Items, item: &Item, overrides: &[Setting], diags: &mut Diags) -> Vec<Layer> {
    let mut layers = Vec::new();
    push(items, item, &mut layers, &mut Vec::new(), diags);
    if let Some(own) = layers.last_mut() {
        own.strict = item.from.is_some() || !item.with.is_empty();
    }
    for setting in overrides {
        let mut lines = Vec::new();
        flatten(std::slice::from_ref(setting), &[], None, &mut lines, diags);
        layers.push(Layer { lines, home: item.home, strict: true });
    }
    layers
}

fn push<'a>(
    items: &'a Items,
    item: &'a Item,
    layers: &mut Vec<Layer>,
    path: &mut Vec<&'a Item>,
    diags: &mut Diags,
) {
    if let Some(start) = path.iter().position(|p| p.name.span == item.name.span) {
        let mut diagnostic = Diagnostic::error("E0209", "these items are made of each other");
        for link in &path[start..] {
            diagnostic = diagnostic.at(link.name.span, "in the circle");
        }
        diags.push(diagnostic);
        return;
    }
    path.push(item);
    for name in item.from.iter().chain(&item.with) {
        if let Some(base) = items.resolve(item.home, Sort::Model, name, diags) {
            push(items, base, layers, path, diags);
        }
    }
    path.pop();
    layers.push(Layer { lines: lines(&item.body, diags), home: item.home, strict: false });
}

/// The lines of a body, `expect` and `paper` left out, after a check that nothing is said twice.
pub fn lines(body: &Option<Body>, diags: &mut Diags) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(body) = body {
        flatten(&body.settings, &[], None, &mut lines, diags);
    }
    lines.retain(|line| !["expect", "paper"].contains(&line.keys[0].value.as_str()));
    twice(&lines, diags);
    lines
}

fn flatten(
    settings: &[Setting],
    prefix: &[Spanned<String>],
    around: Option<&Spanned<Selector>>,
    lines: &mut Vec<Line>,
    diags: &mut Diags,
) {
    for setting in settings {
        let keys: Vec<_> = prefix.iter().chain(&setting.path.keys).cloned().collect();
        let selector = setting.path.selector.as_ref().or(around);
        if let Some(link) = setting.links.first() {
            diags.push(
                Diagnostic::error("E0210", "only an item has a parent or families")
                    .at(link.relation.span, "does not fit here"),
            );
        }
        let bare = setting.row.is_empty() && setting.body.is_none();
        if bare {
            let message = format!(
                "`{}` is given no value",
                setting.path.keys.last().map_or("", |k| k.as_str())
            );
            diags.push(Diagnostic::error("E0211", message).at(setting.span, "a value is missing"));
        }
        // An empty body is a line too: `jitter {}` turns it on.
        let empty = setting.body.as_ref().is_some_and(|b| b.settings.is_empty());
        if !setting.row.is_empty() || empty {
            lines.push(Line {
                keys: keys.clone(),
                selector: selector.cloned(),
                row: setting.row.clone(),
                span: setting.span,
            });
        }
        if let Some(body) = &setting.body {
            flatten(&body.settings, &keys, selector, lines, diags);
        }
    }
}

/// Inside a layer nothing is said twice; only a selector may speak before a single value for all.
fn twice(lines: &[Line], diags: &mut Diags) {
    for (index, line) in lines.iter().enumerate() {
        for earlier in lines[..index].iter().filter(|l| l.path() == line.path()) {
            let clash = match (&earlier.selector, &line.selector) {
                (Some(a), Some(b)) => overlap(a, b),
                (None, None) => true,
                (None, Some(_)) => earlier.row.len() > 1,
                (Some(_), None) => line.row.len() > 1,
            };
            if clash {
                let message = format!("`{}` is said twice in one body", line.path().join("."));
                diags.push(
                    Diagnostic::error("E0303", message)
                        .at(line.span, "again here")
                        .at(earlier.span, "first here")
                        .help("keep one"),
                );
            }
        }
    }
}

fn overlap(a: &Selector, b: &Selector) -> bool {
    match (a, b) {
        (Selector::Stages(a), Selector::Stages(b)) => {
            a.iter().any(|(al, ah)| b.iter().any(|(bl, bh)| al <= bh && bl <= ah))
        }
        _ => true,
    }
}
