//! Items and files of a text that nothing in it speaks of.

use super::items::{Item, Items, Sort};
use crate::diag::{Diagnostic, Diags, SourceId};
use crate::syntax::ast::{Body, Literal};
use std::collections::BTreeSet;

/// Warns about every file that `root` brings in and takes nothing from. `use` is not passed on, so
/// nobody else does.
pub fn warn_of_files(items: &Items, root: SourceId, diags: &mut Diags) {
    let own = || items.all.iter().filter(|item| item.home == root);
    if own().next().is_none() {
        return;
    }
    let spoken: BTreeSet<&str> = own().flat_map(names).collect();
    for line in items.uses.iter().filter(|line| line.from == root) {
        let taken = |item: &Item| item.home == line.to && spoken.contains(item.name.as_str());
        if !items.all.iter().any(taken) {
            diags.push(
                Diagnostic::warning("W0203", "nothing of this file is used")
                    .at(line.span, "brought in")
                    .help("leave it out"),
            );
        }
    }
}

/// Warns about every item of `root` that no other one names, where the file has models: a file of
/// families, data and recipes alone is there for others.
pub fn warn(items: &Items, root: SourceId, diags: &mut Diags) {
    if items.models_of(root).next().is_none() {
        return;
    }
    for item in items.all.iter().filter(|i| i.home == root && serves(i.sort)) {
        if !is_named(items, item) {
            diags.push(
                Diagnostic::warning("W0201", format!("nothing uses `{}`", item.name.value))
                    .at(item.name.span, "no model here is made of it"),
            );
        }
    }
}

/// Models and ablations are there for themselves, everything else for them.
pub fn serves(sort: Sort) -> bool {
    !matches!(sort, Sort::Model | Sort::Ablation)
}

/// Whether another item that sees it speaks its name.
pub fn is_named(items: &Items, item: &Item) -> bool {
    items.all.iter().any(|other| {
        let sees = items.sees.get(&other.home).is_some_and(|sees| sees.contains(&item.home));
        sees && other.name.span != item.name.span && names(other).contains(item.name.as_str())
    })
}

/// Every name an item speaks.
fn names(item: &Item) -> BTreeSet<&str> {
    fn collect<'a>(body: &'a Body, names: &mut BTreeSet<&'a str>) {
        for setting in &body.settings {
            for value in &setting.row {
                if let Literal::Name(name) = &value.value {
                    names.insert(name);
                }
            }
            setting.body.iter().for_each(|body| collect(body, names));
        }
    }
    let mut names: BTreeSet<&str> =
        item.from.iter().chain(&item.with).chain(&item.of).map(|n| n.as_str()).collect();
    item.body.iter().for_each(|body| collect(body, &mut names));
    names
}
