//! What can be said inside an item, and what holds there: what an editor asks of a place.

use super::cases;
use super::items::{ITEM_SLOTS, Item, Items, Sort};
use super::layers::{self, Stack};
use super::merge;
use super::resolved::{Resolved, collect, resolve};
use super::settings::{Stage, Whole};
use crate::diag::{Diags, Sources, Spanned};
use crate::schema::{Field, Kind, Tree, Ty};
use crate::syntax::ast::{Literal, Setting};

/// One key of a path, and the name that stands behind it: `mixer`, `cluster`.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    pub key: &'a str,
    pub named: Option<&'a str>,
}

/// The path of settings that stand inside each other, the outermost first.
pub fn steps<'a>(settings: impl IntoIterator<Item = &'a Setting>) -> Vec<Step<'a>> {
    let of = |setting: &'a Setting| {
        let named = match &setting.row[..] {
            [Spanned { value: Literal::Name(name), .. }] => Some(name.as_str()),
            _ => None,
        };
        let last = setting.path.keys.len() - 1;
        let step = move |(index, key): (usize, &'a Spanned<String>)| Step {
            key,
            named: named.filter(|_| index == last),
        };
        setting.path.keys.iter().enumerate().map(step)
    };
    settings.into_iter().flat_map(of).collect()
}

/// What holds in an item. A mistake in it is no obstacle.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// Whose settings the item has.
    top: Vec<&'static Kind>,
    pub settings: Vec<Resolved>,
}

impl Look {
    /// What items of a sort can say, whatever holds in them.
    pub fn bare(sort: Sort) -> Look {
        let top = match sort {
            Sort::Slot(name) => {
                let slot = ITEM_SLOTS.iter().find(|slot| slot.name == name);
                slot.map_or(Vec::new(), |slot| slot.kinds.to_vec())
            }
            _ => vec![Whole::KIND, Stage::KIND],
        };
        Look { top, settings: Vec::new() }
    }

    /// What an item says, with all it is made of.
    pub fn at(sources: &Sources, items: &Items, item: &Item) -> Look {
        match item.sort {
            Sort::Slot(slot) => {
                let tree = merge::item(sources, items, item, slot, &mut Diags::default());
                tree.map_or_else(|| Look::bare(item.sort), |tree| Look::tree(&tree))
            }
            _ => Look::stack(sources, items, item, &layers_of(items, item)),
        }
    }

    /// The same without what the item says itself: what it is made of.
    pub fn beneath(sources: &Sources, items: &Items, item: &Item) -> Look {
        match item.sort {
            Sort::Slot(_) => {
                let parent = item.from.as_ref().and_then(|p| items.find(item.home, item.sort, p));
                parent.map_or_else(
                    || Look::bare(item.sort),
                    |parent| Look::at(sources, items, parent),
                )
            }
            _ => {
                let mut stack = layers_of(items, item);
                stack.layers.pop();
                Look::stack(sources, items, item, &stack)
            }
        }
    }

    fn stack(sources: &Sources, items: &Items, item: &Item, stack: &Stack) -> Look {
        let merged = merge::merge(sources, items, item, stack, true, &mut Diags::default());
        Look { settings: resolve(&merged), ..Look::bare(item.sort) }
    }

    fn tree(tree: &Tree) -> Look {
        let mut settings = Vec::new();
        collect(tree, "", None, &mut settings, &|_| true);
        Look { top: vec![tree.kind], settings }
    }

    /// Whose settings can be said at the end of a path: of the kind that stands there, or of any
    /// that could.
    pub fn kinds(&self, path: &[Step<'_>]) -> Vec<&'static Kind> {
        let mut kinds = self.top.clone();
        let mut place = String::new();
        for step in path {
            let Some(field) = kinds.iter().find_map(|kind| kind.field(step.key)) else {
                return Vec::new();
            };
            place.push_str(step.key);
            kinds = self.inside(field, &place, step.named);
            place.push('.');
        }
        kinds
    }

    fn inside(&self, field: &Field, place: &str, named: Option<&str>) -> Vec<&'static Kind> {
        let slot = match field.ty.inner() {
            Ty::Group(kind) => return vec![kind],
            Ty::Slot(slot) => slot,
            _ => return Vec::new(),
        };
        if let Some(kind) = slot.single().or(named.and_then(|name| slot.kind(name))) {
            return vec![kind];
        }
        let holds = |kind: &&&'static Kind| {
            self.settings.iter().any(|s| s.path == place && s.value == kind.name)
        };
        let held: Vec<_> = slot.kinds.iter().filter(holds).copied().collect();
        if held.is_empty() { slot.kinds.to_vec() } else { held }
    }

    /// The setting at the end of a path.
    pub fn field(&self, path: &[Step<'_>]) -> Option<&'static Field> {
        let (last, around) = path.split_last()?;
        self.kinds(around).iter().find_map(|kind| kind.field(last.key))
    }
}

/// Whether a model can have a setting, by its path from the top.
pub fn is_setting(path: &str) -> bool {
    let steps: Vec<Step<'_>> = path.split('.').map(|key| Step { key, named: None }).collect();
    Look::bare(Sort::Model).field(&steps).is_some()
}

/// The layers of a model or a case, its own the last.
fn layers_of(items: &Items, item: &Item) -> Stack {
    match items.ablation_of(item) {
        Some(ablation) => cases::stack(items, ablation, item, &[]),
        None => layers::stack(items, item, &[], &mut Diags::default()),
    }
}
