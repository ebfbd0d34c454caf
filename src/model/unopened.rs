//! Bodies inside of an item that have neither of their braces: what stands behind a setting can not
//! stand there, and could inside of it.

use super::items::Sort;
use super::look::{Look, Step, steps};
use crate::diag::{Diags, Span, Spanned};
use crate::syntax::ast::{Body, Literal, Setting};
use crate::syntax::never_opened;

/// The item as it is meant, if bodies in it are not opened, which is told.
pub fn open(item: &Setting, sort: Sort, diags: &mut Diags) -> Option<Setting> {
    let body = item.body.as_ref()?;
    let mut schema = Schema { sort, look: Look::bare(sort), told: Vec::new() };
    let settings = schema.nest(&[], &body.settings);
    if schema.told.is_empty() {
        return None;
    }
    schema.told.iter().for_each(|owners| diags.push(never_opened(owners)));
    let body = Body { settings, ..body.clone() };
    Some(Setting { body: Some(body), ..item.clone() })
}

/// What items of a sort can say.
struct Schema {
    sort: Sort,
    look: Look,
    /// Of every body that is not opened its owner, and those inside of it.
    told: Vec<Vec<Span>>,
}

/// A setting that could have a body.
struct Open<'a> {
    setting: &'a Setting,
    path: Vec<Step<'a>>,
    /// It has one, as what stands behind it shows.
    told: bool,
    inside: Vec<Setting>,
}

impl Schema {
    fn knows(&self, path: &[Step<'_>]) -> bool {
        match (self.sort, path) {
            (Sort::Ablation, [Step { key, .. }]) => ["case", "show"].contains(key),
            (Sort::Ablation, [Step { key: "case", .. }, inside @ ..]) => {
                self.look.field(inside).is_some()
            }
            (Sort::Ablation, _) => false,
            // What a model claims is no setting of it.
            (_, [Step { key: "expect" | "paper", .. }, ..]) => true,
            _ => self.look.field(path).is_some(),
        }
    }

    /// The settings of a body to which a path leads.
    fn nest<'a>(&mut self, around: &[Step<'a>], settings: &'a [Setting]) -> Vec<Setting> {
        let mut nested = Vec::new();
        // Each inside of the one before.
        let mut open: Vec<Open<'a>> = Vec::new();
        for setting in settings {
            let own = steps([setting]);
            let within = |around: &[Step<'a>]| [around, &own].concat();
            let stands = setting.broken || !setting.links.is_empty();
            let owner = match stands || open.is_empty() || self.knows(&within(around)) {
                true => None,
                false => open
                    .iter()
                    .rposition(|open| self.knows(&within(&open.path)))
                    .or_else(|| open.iter().rposition(|open| open.told)),
            };
            close(&mut open, owner.map_or(0, |at| at + 1), &mut nested);
            let path = within(open.last().map_or(around, |owner| &owner.path));
            let is_inside = open.len() > 1;
            if let Some(owner) = open.last_mut().filter(|owner| !owner.told) {
                owner.told = true;
                match self.told.last_mut().filter(|_| is_inside) {
                    Some(owners) => owners.push(owner.setting.span),
                    None => self.told.push(vec![owner.setting.span]),
                }
            }
            if stands || setting.body.is_none() && !names(setting) {
                put(&mut open, &mut nested, setting.clone());
            } else if let Some(body) = &setting.body {
                let body = Body { settings: self.nest(&path, &body.settings), ..body.clone() };
                put(&mut open, &mut nested, Setting { body: Some(body), ..setting.clone() });
            } else {
                open.push(Open { setting, path, told: false, inside: Vec::new() });
            }
        }
        close(&mut open, 0, &mut nested);
        nested
    }
}

/// Leaves so many open.
fn close(open: &mut Vec<Open<'_>>, keep: usize, nested: &mut Vec<Setting>) {
    while open.len() > keep
        && let Some(Open { setting, inside, .. }) = open.pop()
    {
        let mut setting = setting.clone();
        if let Some(last) = inside.last() {
            let start = setting.span.end;
            let end = last.body.as_ref().map_or(last.span.end, |body| body.end);
            let open = Span { start, ..setting.span };
            setting.body = Some(Body { settings: inside, open, end, broken: false });
        }
        put(open, nested, setting);
    }
}

fn put(open: &mut [Open<'_>], nested: &mut Vec<Setting>, setting: Setting) {
    open.last_mut().map_or(nested, |owner| &mut owner.inside).push(setting);
}

/// Whether a body may follow: its key stands alone, or before a kind.
fn names(setting: &Setting) -> bool {
    matches!(setting.row[..], [] | [Spanned { value: Literal::Name(_), .. }])
}
