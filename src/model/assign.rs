//! One line on one tree: keys are looked up, kinds named or changed, values typed.

use super::items::{Item, Items, Sort};
use super::layers::{self, Line};
use crate::diag::{Diagnostic, Diags, SourceId, Sources, Span, Spanned, nearest, suggest};
use crate::schema::{Field, Kind, Slot, Tree, Ty, Value, is_off};
use crate::syntax::ast::Literal;
use std::collections::BTreeSet;
use std::path::Path;

/// What a line did to a tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    Changed,
    /// It restates what was said there.
    Same(Span),
    /// It is in error, which has been reported.
    Failed,
}

/// Where names are looked up and mistakes reported.
pub struct Scope<'a> {
    pub sources: &'a Sources,
    pub items: &'a Items,
    pub home: SourceId,
    pub diags: &'a mut Diags,
    /// Keys of settings that were said, but wrongly.
    pub failed: &'a mut BTreeSet<String>,
}

/// In which order the lines of a layer speak: kinds before what is inside them, what holds for all
/// stages before what holds for some. It is a property of the lines, not of where they stand.
pub fn ordered(lines: &[Line]) -> Vec<&Line> {
    let mut lines: Vec<&Line> = lines.iter().collect();
    lines.sort_by_key(|line| (line.keys.len(), line.selector.is_some()));
    lines
}

impl Scope<'_> {
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
                    Some(tree) => Some(Value::Tree(tree)),
                    None => return Outcome::Failed,
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
        let before = tree.fields.insert(field.name, Spanned::new(value, span));
        match before {
            Some(before) if before.value == tree.fields[field.name].value => {
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
                let message = format!("`{}` takes settings in braces", field.name);
                self.diags.push(
                    Diagnostic::error("E0302", message)
                        .at(row[0].span, "a value")
                        .help(format!("its settings: {}", kind.field_names().join(", "))),
                );
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
                let message = format!("`{}` has no settings inside", field.name);
                self.diags.push(
                    Diagnostic::error("E0304", message)
                        .at(keys[1].span, "can not be set there")
                        .help(format!("`{}` is {}", field.name, field.ty.expected())),
                );
                return Outcome::Failed;
            }
        };
        if let Some(kind) = field.ty.implicit() {
            entered(tree, field, kind, keys[0].span);
        } else if !tree.fields.contains_key(field.name) {
            match crate::schema::default_of(field) {
                Some(Value::Tree(default)) => {
                    tree.fields
                        .insert(field.name, Spanned::new(Value::Tree(default), keys[0].span));
                }
                _ => return self.no_kind(field, slot, &keys[0]),
            }
        }
        let Some(inner) = tree.fields.get_mut(field.name) else { return Outcome::Failed };
        let said = inner.span;
        match &mut inner.value {
            Value::Tree(inner) => self.assign(inner, slot, &keys[1..], row, span),
            _ => {
                let message = format!("`{}` is off", field.name);
                self.diags.push(
                    Diagnostic::error("E0305", message)
                        .at(keys[1].span, "inside something that is off")
                        .at(said, "off here")
                        .help(format!(
                            "name a kind to turn it on: {}",
                            field.ty.inner().expected()
                        )),
                );
                Outcome::Failed
            }
        }
    }

    fn no_kind(&mut self, field: &Field, slot: Option<&Slot>, key: &Spanned<String>) -> Outcome {
        let kinds: Vec<&str> = slot.iter().flat_map(|s| s.kinds).map(|k| k.name).collect();
        let message = format!("`{}` has no kind yet", field.name);
        self.diags.push(
            Diagnostic::error("E0308", message).at(key.span, "which kind?").help(format!(
                "name it first: `{} {}`",
                field.name,
                crate::diag::list(&kinds, "or")
            )),
        );
        Outcome::Failed
    }

    /// The tree of a kind, or of an item of this slot, named in a row.
    fn kind_named(
        &mut self,
        tree: &Tree,
        field: &Field,
        slot: &'static Slot,
        row: &[Spanned<Literal>],
        place: Span,
    ) -> Option<Tree> {
        let [Spanned { value: Literal::Name(name), span }] = row else {
            if row.is_empty()
                && let Some(kind) = slot.single()
            {
                return Some(Tree::new(kind, Some(place)));
            }
            let mut diagnostic =
                Diagnostic::error("E0302", format!("`{}` takes one kind", field.name))
                    .at(place, format!("expected {}", field.ty.expected()));
            if row.len() > 1 {
                diagnostic = diagnostic.help("the next setting starts a line, or follows `;`");
            }
            self.diags.push(diagnostic);
            return None;
        };
        let sort = Sort::Slot(slot.name);
        if let Some(kind) = slot.kind(name).filter(|_| slot.single().is_none()) {
            if let Some(Spanned { value: Value::Tree(present), span: before }) =
                tree.fields.get(field.name)
                && present.kind.name == kind.name
                && present.said.is_some()
            {
                let message = format!("the {} is {} already", field.name, kind.name);
                self.diags.push(
                    Diagnostic::error("E0306", message)
                        .at(*span, "named again")
                        .at(*before, "named here")
                        .help(format!("to change it leave the kind out: `{} {{ … }}`", field.name)),
                );
                return None;
            }
            return Some(Tree::new(kind, Some(*span)));
        }
        if let Some(item) = self.items.find(self.home, sort, name) {
            return self.item_tree(item, slot, &mut Vec::new());
        }
        let kinds = slot.kinds.iter().map(|k| k.name).filter(|_| slot.single().is_none());
        let named: Vec<&str> =
            kinds.chain(self.items.visible(self.home, sort).map(|i| i.name.as_str())).collect();
        let others = if field.ty.takes_off() { [&named[..], &["off"]].concat() } else { named };
        let what =
            if field.name == slot.name { String::new() } else { format!(" ({})", slot.name) };
        self.diags.push(
            Diagnostic::error("E0309", format!("there is no {}{what} `{name}`", field.name))
                .at(*span, "unknown")
                .help(suggest(name, &others)),
        );
        None
    }

    /// The settings of an item: its parent's, then its own.
    fn item_tree(
        &mut self,
        item: &Item,
        slot: &'static Slot,
        path: &mut Vec<Span>,
    ) -> Option<Tree> {
        if path.contains(&item.name.span) {
            self.diags.push(
                Diagnostic::error("E0209", "these items are made of each other")
                    .at(item.name.span, "in the circle"),
            );
            return None;
        }
        path.push(item.name.span);
        let sort = Sort::Slot(slot.name);
        let mut tree = match &item.from {
            None => match slot.single() {
                Some(kind) => Tree::new(kind, Some(item.name.span)),
                None => {
                    let kinds: Vec<&str> = slot.kinds.iter().map(|k| k.name).collect();
                    self.diags.push(
                        Diagnostic::error("E0308", format!("`{}` has no kind", item.name.value))
                            .at(item.name.span, "which kind?")
                            .help(format!(
                                "write `{} {} from {}`",
                                slot.name,
                                item.name.value,
                                crate::diag::list(&kinds, "or")
                            )),
                    );
                    return None;
                }
            },
            Some(name) => match slot.kind(name) {
                Some(kind) => Tree::new(kind, Some(name.span)),
                None => {
                    let base = self.items.resolve(item.home, sort, name, self.diags)?;
                    self.item_tree(base, slot, path)?
                }
            },
        };
        let lines = layers::lines(&item.body, self.diags);
        let home = std::mem::replace(&mut self.home, item.home);
        for line in ordered(&lines) {
            self.assign(&mut tree, Some(slot), &line.keys, &line.row, line.span);
        }
        self.home = home;
        Some(tree)
    }

    fn unknown_key(
        &mut self,
        tree: &Tree,
        slot: Option<&'static Slot>,
        key: &Spanned<String>,
    ) -> Outcome {
        let kind = tree.kind;
        let other = slot
            .iter()
            .flat_map(|s| s.kinds)
            .find(|other| other.name != kind.name && other.field(key).is_some());
        let diagnostic = match (slot, other) {
            (Some(slot), Some(other)) => {
                let message = format!(
                    "`{}` belongs to {}; the {} is {}",
                    key.value, other.name, slot.name, kind.name
                );
                let mut diagnostic =
                    Diagnostic::error("E0301", message).at(key.span, "not a setting of this kind");
                if let Some(said) = tree.said {
                    diagnostic = diagnostic.at(said, format!("{} is named here", kind.name));
                }
                diagnostic
            }
            _ => {
                Diagnostic::error("E0301", format!("{} has no setting `{}`", kind.name, key.value))
                    .at(key.span, "unknown")
                    .help(suggest(key, &kind.field_names()))
            }
        };
        self.diags.push(diagnostic);
        Outcome::Failed
    }

    fn wrong_type(
        &mut self,
        field: &Field,
        key: &Spanned<String>,
        row: &[Spanned<Literal>],
        place: Span,
    ) {
        let message = format!("`{}` is {}", key.value, field.ty.expected());
        let mut diagnostic = Diagnostic::error("E0302", message).at(place, "does not fit");
        if let ([one], Ty::Words(words)) = (row, field.ty.inner())
            && let Literal::Name(word) = &one.value
            && let Some(near) = nearest(word, words.iter().copied())
        {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
        } else if row.len() > field.ty.arity() && field.ty.arity() == 1 {
            diagnostic = diagnostic.help("one value for the whole model");
        } else if let [Spanned { value: Literal::Number(number), .. }] = row
            && field.ty.expected().contains("between 0 and 1")
            && number.unit.is_empty()
            && number.value > 1.0
        {
            diagnostic = diagnostic.help(format!("`{}%`?", number.digits));
        }
        self.diags.push(diagnostic);
    }
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
