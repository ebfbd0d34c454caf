//! Two numbers in brackets are a size or a row: the setting tells which.

use super::items::{Items, Sort};
use super::look::{Look, Step, steps};
use crate::diag::{Diagnostic, Sources, Span};
use crate::schema::Field;
use crate::syntax::ast::{Literal, Setting};

/// Leaves of the two readings that a report offers the one that the setting takes.
pub fn settle(sources: &Sources, items: &Items, found: &mut Diagnostic) {
    let [one, other] = &found.fixes[..] else { return };
    let [first, second] = [one, other].map(|fix| fix.text.trim());
    let size_first = second.replace(' ', "x") == first;
    if one.span != other.span || !size_first && first.replace(' ', "x") != second {
        return;
    }
    let Some(field) = field_at(sources, items, one.span) else { return };
    let is_size = field.ty.parse(&[Literal::Size(vec![8, 8])]).is_some();
    let meant = usize::from(is_size != size_first);
    found.fixes = vec![found.fixes.swap_remove(meant)];
    // "write `this`, or `that`"
    let help = found.help.take().unwrap_or_default();
    found.help = help.split('`').nth(1 + 2 * meant).map(|line| format!("write `{line}`"));
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
    let (path, _) = sources.get(at.source).text.split_once('=')?;
    let keys = path.trim().split('@').next()?.split('.');
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
