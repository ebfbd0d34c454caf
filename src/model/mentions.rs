//! Where names of items stand: in the items themselves, in relations, and as values of slots.

use super::items::{ITEM_SLOTS, Item, Items, Sort};
use super::look::{Look, steps};
use crate::diag::{SourceId, Span, Spanned};
use crate::schema::Ty;
use crate::syntax::ast::{Literal, Relation, Setting};

/// A name of an item, where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Mention<'a> {
    pub span: Span,
    pub item: &'a Item,
}

impl Items {
    /// Every mention of an item in a file.
    pub fn mentions(&self, file: SourceId) -> Vec<Mention<'_>> {
        let mut found = Mentions { items: self, home: file, found: Vec::new() };
        for setting in self.files.get(&file).iter().flat_map(|file| &file.settings) {
            found.item(setting);
        }
        found.found
    }

    /// The item, or the case, that a setting declares.
    pub fn declared(&self, setting: &Setting) -> Option<&Item> {
        let name = setting.row.first()?;
        self.with_cases().find(|item| item.name.span == name.span)
    }
}

struct Mentions<'a> {
    items: &'a Items,
    home: SourceId,
    found: Vec<Mention<'a>>,
}

impl<'a> Mentions<'a> {
    fn item(&mut self, setting: &'a Setting) {
        let Some(item) = self.items.declared(setting) else { return };
        self.found.push(Mention { span: item.name.span, item });
        for link in &setting.links {
            for name in &link.names {
                match (item.sort, link.relation.value) {
                    (Sort::Slot(slot), Relation::From) if is_kind(slot, name) => {}
                    (Sort::Ablation, _) => self.name(Sort::Model, name, name.span),
                    (Sort::Case, _) => self.case(item, name),
                    (sort, _) => self.name(sort, name, name.span),
                }
            }
        }
        let look = Look::bare(item.sort);
        for inside in setting.body.iter().flat_map(|body| &body.settings) {
            match item.sort {
                Sort::Ablation => self.item(inside),
                _ => self.setting(&look, &mut Vec::new(), inside),
            }
        }
    }

    fn setting(&mut self, look: &Look, around: &mut Vec<&'a Setting>, setting: &'a Setting) {
        around.push(setting);
        let field = look.field(&steps(around.iter().copied()));
        if let Some(Ty::Slot(slot)) = field.map(|field| field.ty.inner()) {
            for value in &setting.row {
                if let Spanned { value: Literal::Name(name), span } = value
                    && (slot.single().is_some() || slot.kind(name).is_none())
                {
                    self.name(Sort::Slot(slot.name), name, *span);
                }
            }
        }
        for inside in setting.body.iter().flat_map(|body| &body.settings) {
            self.setting(look, around, inside);
        }
        around.pop();
    }

    /// A case that another one builds on.
    fn case(&mut self, from: &Item, name: &Spanned<String>) {
        let Some(ablation) = self.items.ablation_of(from) else { return };
        if let Some(item) = ablation.cases.iter().find(|case| case.name.value == name.value) {
            self.found.push(Mention { span: name.span, item });
        }
    }

    fn name(&mut self, sort: Sort, name: &str, span: Span) {
        if let Some(item) = self.items.find(self.home, sort, name) {
            self.found.push(Mention { span, item });
        }
    }
}

fn is_kind(slot: &str, name: &str) -> bool {
    let slot = ITEM_SLOTS.iter().find(|known| known.name == slot);
    slot.is_some_and(|slot| slot.single().is_none() && slot.kind(name).is_some())
}
