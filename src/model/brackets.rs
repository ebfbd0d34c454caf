//! Two numbers in brackets are a size or a row, and `2*4` a size or a number: the setting tells which.

use super::items::{Items, Sort};
use super::look::{Look, Step, steps};
use crate::diag::{Argument, Diagnostic, Help, Reading, Sources, Span};
use crate::schema::Field;
use crate::syntax::ast::{Literal, Setting};

/// Leaves of the two readings that a report offers the one that the setting takes.
pub fn settle(sources: &Sources, items: &Items, found: &mut Diagnostic) {
    let [one, other] = &found.fixes[..] else { return };
    let (Some(first), Some(_)) = (one.reads, other.reads) else { return };
    let Some(field) = field_at(sources, items, one.span) else { return };
    let is_size = field.ty.parse(&[Literal::Size(vec![8, 8])]).is_some();
    let meant = usize::from(is_size != (first == Reading::Size));
    found.fixes = vec![found.fixes.swap_remove(meant)];
    // Of each the help names the whole setting.
    let line = found.help.iter().flat_map(Help::named).nth(meant).cloned();
    found.help = line.map(|line| Help::from("write ").written(line));
}

/// The setting whose value stands at a place.
fn field_at(sources: &Sources, items: &Items, at: Span) -> Option<&'static Field> {
    let inside = |body: &crate::syntax::ast::Body| {
        body.open.source == at.source && body.open.start < at.start && at.start <= body.end
    };
    // A case stands behind its ablation.
    let item = items.with_cases().filter(|item| item.body.as_ref().is_some_and(inside)).last();
    if let Some(item) = item {
        let settings = &item.body.as_ref()?.settings;
        return Look::bare(item.sort).field(&steps(path_to(settings, at)));
    }
    // An argument is nothing but a path and its value.
    let keys = Argument::path(&sources.get(at.source).text).split('.');
    let path: Vec<Step<'_>> = keys.map(|key| Step { key, named: None }).collect();
    Look::bare(Sort::Model).field(&path)
}

/// The settings around a place, the outermost first, and the one whose value stands there.
fn path_to(settings: &[Setting], at: Span) -> Vec<&Setting> {
    let Some(setting) = settings.iter().rfind(|setting| setting.path.span.end <= at.start) else {
        return Vec::new();
    };
    let body = setting.body.iter().filter(|body| body.open.start < at.start);
    let inside = body.flat_map(|body| path_to(&body.settings, at));
    std::iter::once(setting).chain(inside).collect()
}
