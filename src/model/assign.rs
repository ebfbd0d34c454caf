//! One line on one tree: keys are looked up, kinds named or changed, values typed.
//!
//! The sentences for what does not fit are in `misfits`.

use super::items::{Item, Items, Sort, circle};
use super::layers::{self, Line};
use super::rows::Outgrown;
use crate::diag::{Diags, SourceId, Sources, Span, Spanned};
use crate::schema::{Field, Kind, Slot, Tree, Ty, Value, is_off};
use crate::syntax::ast::{Literal, Setting};
use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;

/// What a line did to a tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    Changed,
    /// It restates what was said there.
    Same(Span),
    /// How it names a kind has been reported, but it can be told which; what is inside still speaks.
    Told,
    /// It is in error, which has been reported.
    Failed,
}

/// What a row names in a slot.
enum Named {
    Kind(Tree),
    /// Nothing that there is, which has been reported; this was meant.
    Meant(Tree),
    Nothing(Outcome),
}

/// Where names are looked up and mistakes reported.
pub struct Scope<'a> {
    pub sources: &'a Sources,
    pub items: &'a Items,
    pub home: SourceId,
    pub diags: &'a mut Diags,
    /// Keys of settings that were said, but wrongly.
    pub failed: &'a mut BTreeSet<String>,
    /// Rows below that do not fit the stages there are.
    pub outgrown: &'a mut Outgrown,
    /// The name of the model, or of the item, that says it.
    pub owner: String,
    /// How many values a row may have, where the setting is one of stages.
    pub columns: Option<usize>,
    /// What stands in the body of the line, for the sentence that says what to write.
    pub inside: Rc<[Setting]>,
    /// The line gives some stage another kind than it has: in the others, too, it starts afresh.
    pub afresh: bool,
    /// Where the body that speaks turns something off: it can not say what is inside of that, too.
    pub offs: Vec<Span>,
    /// Where the layer is laid, and where it was laid before, if it was.
    pub laid: Option<[Span; 2]>,
    /// A family by itself is never built: kinds may be missing.
    pub holes: bool,
}

impl<'a> Scope<'a> {
    /// Says `row` of the setting `keys` of `tree`, which fills `slot`.
    pub fn assign(
        &mut self,
        tree: &mut Tree,
        slot: Option<&'static Slot>,
        keys: &[Spanned<String>],
        row: &[Spanned<Literal>],
        span: Span,
    ) -> Outcome {
        let key = &keys[0];
        let Some(field) = tree.kind.field(key) else {
            return self.unknown_key(tree, slot, key);
        };
        let outcome = if keys.len() == 1 {
            self.set(tree, field, key, row, span)
        } else {
            self.descend(tree, field, keys, row, span)
        };
        if outcome == Outcome::Failed {
            self.failed.insert(keys[keys.len() - 1].value.clone());
        }
        outcome
    }

    /// Whether there is the setting `keys` of `tree` at all, whose line is in error for another reason.
    pub fn check_keys(
        &mut self,
        tree: &Tree,
        slot: Option<&'static Slot>,
        keys: &[Spanned<String>],
    ) {
        let Some(field) = tree.kind.field(&keys[0]) else {
            self.unknown_key(tree, slot, &keys[0]);
            return;
        };
        let slot = match field.ty.inner() {
            Ty::Slot(slot) => Some(*slot),
            _ => None,
        };
        let inner = tree.fields.get(field.name).map(|inner| &inner.value);
        if let (Some(Value::Tree(inner)), true) = (inner, keys.len() > 1) {
            self.check_keys(inner, slot, &keys[1..]);
        }
    }

    fn set(
        &mut self,
        tree: &mut Tree,
        field: &'static Field,
        key: &Spanned<String>,
        row: &[Spanned<Literal>],
        span: Span,
    ) -> Outcome {
        let literals: Vec<Literal> = row.iter().map(|l| l.value.clone()).collect();
        let place = match row {
            [first, .., last] => first.span.to(last.span),
            [one] => one.span,
            [] => span,
        };
        let value = if field.ty.takes_off() && is_off(&literals) {
            Some(Value::Off)
        } else {
            match field.ty.inner() {
                Ty::Slot(slot) => match self.kind_named(tree, field, slot, row, place) {
                    Named::Kind(tree) => Some(Value::Tree(tree)),
                    // Another name was meant.
                    Named::Meant(meant) => {
                        tree.fields.insert(field.name, Spanned::new(Value::Tree(meant), place));
                        return Outcome::Told;
                    }
                    Named::Nothing(outcome) => return outcome,
                },
                Ty::Group(kind) => return self.group(tree, field, kind, row, span),
                Ty::Path => match &literals[..] {
                    [Literal::Text(path)] => Some(Value::Text(self.relative_to_file(path, place))),
                    _ => None,
                },
                ty => ty.parse(&literals),
            }
        };
        let Some(value) = value else {
            self.wrong_type(field, key, row, place);
            return Outcome::Failed;
        };
        let before = tree.fields.insert(field.name, Spanned::new(value, place));
        match before {
            Some(before)
                if before.value == tree.fields[field.name].value
                    && !self.outgrown.says(before.span) =>
            {
                Outcome::Same(before.span)
            }
            _ => Outcome::Changed,
        }
    }

    /// A path of the text, which is relative to the file that says it.
    fn relative_to_file(&self, path: &str, place: Span) -> String {
        let file = Path::new(&self.sources.get(place.source).name);
        let folder = file.parent().unwrap_or(Path::new(""));
        folder.join(path).to_string_lossy().into_owned()
    }

    /// A group of settings: its row, if it takes one, is its first setting.
    fn group(
        &mut self,
        tree: &mut Tree,
        field: &'static Field,
        kind: &'static Kind,
        row: &[Spanned<Literal>],
        span: Span,
    ) -> Outcome {
        let inner = entered(tree, field, kind, span);
        if row.is_empty() {
            return Outcome::Changed;
        }
        match kind.fields.first() {
            Some(first) if first.name == kind.name => {
                let key = Spanned::new(first.name.to_string(), span);
                self.set(inner, first, &key, row, span)
            }
            _ => {
                self.no_value(field, kind, row[0].span);
                Outcome::Failed
            }
        }
    }

    fn descend(
        &mut self,
        tree: &mut Tree,
        field: &'static Field,
        keys: &[Spanned<String>],
        row: &[Spanned<Literal>],
        span: Span,
    ) -> Outcome {
        let slot = match field.ty.inner() {
            Ty::Slot(slot) => Some(*slot),
            Ty::Group(_) => None,
            _ => {
                self.nothing_inside(field, &keys[1]);
                return Outcome::Failed;
            }
        };
        if let Some(kind) = field.ty.implicit() {
            if let Some(Spanned { value: Value::Off, span }) = tree.fields.get(field.name)
                && self.offs.contains(span)
            {
                self.inside_off(field, &keys[1], *span);
                return Outcome::Failed;
            }
            entered(tree, field, kind, keys[0].span);
        } else if !tree.fields.contains_key(field.name) {
            match crate::schema::default_of(field) {
                Some(Value::Tree(default)) => {
                    tree.fields
                        .insert(field.name, Spanned::new(Value::Tree(default), keys[0].span));
                }
                _ => return self.no_kind(field, slot, keys),
            }
        }
        let Some(inner) = tree.fields.get_mut(field.name) else { return Outcome::Failed };
        let said = inner.span;
        match &mut inner.value {
            Value::Tree(inner) => self.assign(inner, slot, &keys[1..], row, span),
            _ => {
                self.inside_off(field, &keys[1], said);
                Outcome::Failed
            }
        }
    }

    /// The tree of a kind, or of an item of this slot, named in a row.
    fn kind_named(
        &mut self,
        tree: &Tree,
        field: &Field,
        slot: &'static Slot,
        row: &[Spanned<Literal>],
        place: Span,
    ) -> Named {
        let [Spanned { value: Literal::Name(name), span }] = row else {
            if let (true, Some(kind)) = (row.is_empty(), slot.single()) {
                return Named::Kind(Tree::new(kind, Some(place)));
            }
            self.one_kind(field, row, place);
            return Named::Nothing(Outcome::Failed);
        };
        let kind = |name: &str| slot.kind(name).filter(|_| slot.single().is_none());
        // The kind that is there already, if it was said.
        let present = match tree.fields.get(field.name) {
            Some(Spanned { value: Value::Tree(present), span }) => {
                Some((present.kind.name, *span)).filter(|_| present.said.is_some())
            }
            _ => None,
        };
        let present = present.filter(|(_, before)| !self.outgrown.says(*before));
        if let Some(kind) = kind(name) {
            let again = present.filter(|(present, _)| *present == kind.name && !self.afresh);
            return match again {
                Some((_, before)) => {
                    self.named_again(field, kind, *span, before);
                    Named::Nothing(Outcome::Told)
                }
                None => Named::Kind(Tree::new(kind, Some(*span))),
            };
        }
        let (items, home) = (self.items, self.home);
        let item = |name: &str| items.find(home, Sort::Slot(slot.name), name);
        if let Some(item) = item(name) {
            let tree = self.item_tree(item, slot, &mut Vec::new());
            return tree.map_or(Named::Nothing(Outcome::Failed), Named::Kind);
        }
        // What is inside is checked as what was meant.
        let Some(meant) = self.no_such_kind(field, slot, name, *span) else {
            return Named::Nothing(Outcome::Failed);
        };
        match (kind(&meant), item(&meant)) {
            (Some(kind), _) if present.is_some_and(|(present, _)| present == kind.name) => {
                Named::Nothing(Outcome::Told)
            }
            (Some(kind), _) => {
                self.failed.insert(field.name.to_string());
                Named::Meant(Tree { guessed: true, ..Tree::new(kind, Some(*span)) })
            }
            (_, Some(item)) => {
                let tree = self.item_tree(item, slot, &mut Vec::new());
                tree.map_or(Named::Nothing(Outcome::Failed), Named::Meant)
            }
            _ => Named::Nothing(Outcome::Failed),
        }
    }

    /// Whether a row names the kind that stands at the end of a path already, where it was said.
    pub fn names_again(
        &self,
        tree: &Tree,
        keys: &[Spanned<String>],
        row: &[Spanned<Literal>],
    ) -> bool {
        let Some((key, inside)) = keys.split_first() else { return false };
        let Some(Spanned { value: Value::Tree(there), span }) = tree.fields.get(key.as_str())
        else {
            return false;
        };
        match (inside.is_empty(), row) {
            (false, _) => self.names_again(there, inside, row),
            (true, [Spanned { value: Literal::Name(name), .. }]) => {
                there.kind.name == name && there.said.is_some() && !self.outgrown.says(*span)
            }
            (true, _) => false,
        }
    }

    /// The settings of an item: its parent's, then its own.
    pub fn item_tree(
        &mut self,
        item: &'a Item,
        slot: &'static Slot,
        path: &mut Vec<&'a Item>,
    ) -> Option<Tree> {
        if let Some(start) = path.iter().position(|p| p.name.span == item.name.span) {
            self.diags.push(circle(&path[start..]));
            return None;
        }
        path.push(item);
        let sort = Sort::Slot(slot.name);
        let mut tree = match &item.from {
            None if item.orphan => return None,
            None => match slot.single() {
                Some(kind) => Tree::new(kind, Some(item.name.span)),
                None => {
                    self.item_without_kind(item, slot);
                    return None;
                }
            },
            Some(name) => match slot.kind(name) {
                Some(kind) => Tree::new(kind, Some(name.span)),
                None => {
                    let items = self.items;
                    let base = items.resolve(item, sort, name, self.diags)?;
                    self.item_tree(base, slot, path)?
                }
            },
        };
        let lines = layers::lines(&item.body, self.diags);
        let home = std::mem::replace(&mut self.home, item.home);
        let owner = std::mem::replace(&mut self.owner, item.name.value.clone());
        let columns = self.columns.take();
        let offs = std::mem::replace(&mut self.offs, offs(&lines));
        layers::speak(&lines, |line| {
            if line.broken {
                self.failed.extend(line.keys.iter().map(|key| key.value.clone()));
                return false;
            }
            self.inside = line.inside.clone();
            let row = &line.row;
            self.assign(&mut tree, Some(slot), &line.keys, row, line.span) != Outcome::Failed
        });
        (self.home, self.owner, self.columns, self.offs) = (home, owner, columns, offs);
        Some(tree)
    }
}

/// Where lines turn something off.
pub fn offs(lines: &[Line]) -> Vec<Span> {
    lines.iter().filter(|line| line.is_off()).map(Line::row_span).collect()
}

/// The tree of a group, begun if it is not there.
fn entered<'a>(
    tree: &'a mut Tree,
    field: &'static Field,
    kind: &'static Kind,
    span: Span,
) -> &'a mut Tree {
    let entry = tree
        .fields
        .entry(field.name)
        .or_insert_with(|| Spanned::new(Value::Tree(Tree::new(kind, Some(span))), span));
    if !matches!(entry.value, Value::Tree(_)) {
        *entry = Spanned::new(Value::Tree(Tree::new(kind, Some(span))), span);
    }
    match &mut entry.value {
        Value::Tree(tree) => tree,
        _ => unreachable!("made a tree just now"),
    }
}
