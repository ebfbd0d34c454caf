//! Cases of an ablation: each checked as the model it is, and held to differ from the one it varies.

use super::identity::{Differs, Identity};
use super::items::{Item, Items};
use super::layers::{self, Stack};
use super::{Checked, Quantity, Review, ablation, build};
use crate::diag::{Diagnostic, Diags, SourceId, Sources, Span};
use crate::syntax::ast;

/// An ablation of the text, checked.
#[derive(Debug, Clone)]
pub struct Ablation {
    pub name: String,
    pub label: Option<String>,
    pub doc: Option<String>,
    pub span: Span,
    /// The quantities to show, as `show` says; empty if it says nothing.
    pub show: Vec<Quantity>,
    /// The model it varies.
    pub base: Checked,
    /// In the order of the text.
    pub cases: Vec<Case>,
}

/// A case: a model, and how it comes from the ablation's.
#[derive(Debug, Clone)]
pub struct Case {
    pub model: Checked,
    /// The cases it builds on.
    pub with: Vec<String>,
    /// None if it, or the model, is in error.
    pub differs: Option<Differs>,
}

/// Which models a command speaks of.
#[derive(Debug, Clone, Copy)]
pub enum Spoken<'a> {
    /// Every model, and every ablation.
    All,
    /// One: a model, an ablation, `ablation.case`; if none is named, the only model there is.
    One(Option<&'a str>),
}

impl Spoken<'_> {
    /// Its name; none for all. Where it can not be told which is meant, no model has it.
    pub fn only(self, items: &Items, root: SourceId) -> Option<String> {
        let mut models = items.models_of(root);
        match (self, models.next(), models.next()) {
            (Spoken::All, ..) => None,
            (Spoken::One(Some(name)), ..) => Some(name.to_string()),
            (Spoken::One(None), Some(only), None) => Some(only.name.value.clone()),
            (Spoken::One(None), ..) => Some(String::new()),
        }
    }
}

/// Which models a command speaks of, and what it changes in them.
#[derive(Clone, Copy)]
pub struct Aim<'a> {
    /// A model, an ablation, `ablation.case`; none: all of them.
    pub only: Option<&'a str>,
    /// `--set`.
    pub overrides: &'a [ast::Setting],
}

impl<'a> Aim<'a> {
    /// Whether a model, or a case of an ablation, is spoken of.
    pub fn hits(self, name: &str, case: Option<&str>) -> bool {
        self.only.is_none_or(|only| match (only.split_once('.'), case) {
            (None, _) => only == name,
            (Some((ablation, one)), Some(case)) => ablation == name && one == case,
            (Some(_), None) => false,
        })
    }

    /// What is changed in it.
    pub fn overrides(self, name: &str, case: Option<&str>) -> &'a [ast::Setting] {
        if self.hits(name, case) { self.overrides } else { &[] }
    }
}

/// A model of a file, or a case (`ablation.case`), with its layers.
pub fn find(
    items: &Items,
    root: SourceId,
    name: &str,
    overrides: &[ast::Setting],
) -> Option<(Item, Stack)> {
    let diags = &mut Diags::default();
    let Some((name, case)) = name.split_once('.') else {
        let item = items.models_of(root).find(|item| item.name.value == name)?;
        return Some((item.clone(), layers::stack(items, item, overrides, diags)));
    };
    let item = items.ablations_of(root).find(|item| item.name.value == name)?;
    let case = item.cases.iter().find(|item| item.name.value == case)?;
    Some((case.clone(), stack(items, item, case, overrides)))
}

/// The layers of a case of an ablation, as far as there are those it builds on.
pub fn stack(items: &Items, item: &Item, case: &Item, overrides: &[ast::Setting]) -> Stack {
    let diags = &mut Diags::default();
    let parts = ablation::made_of(&item.cases, case, diags);
    let parts = parts.unwrap_or_else(|| vec![(case, case.name.span)]);
    layers::case_stack(items, ablation::base(items, item, diags), &parts, overrides, diags)
}

/// A case and what was found in it.
struct Seen<'a> {
    item: &'a Item,
    model: Checked,
    identity: Option<Identity>,
    diags: Diags,
    /// The cases it builds on, all the way down.
    below: Vec<Span>,
}

/// Checks an ablation and every case. What is found comes with the name of where it was found.
pub fn check<'a>(
    sources: &Sources,
    items: &Items,
    item: &'a Item,
    aim: Aim<'_>,
    review: Review<'_>,
) -> (Option<Ablation>, Vec<(String, Diagnostic)>) {
    let name = &item.name.value;
    let mut diags = Diags::default();
    let written = ablation::read(items, item, &mut diags);
    let mut told = Diags::default();
    let base = written.base.map(|base| {
        let overrides = aim.overrides(name, None);
        let stack = layers::stack(items, base, overrides, &mut told);
        let checked = build(sources, items, base, &stack, overrides.is_empty(), &mut told);
        let said = checked.graph.as_ref().map(review).unwrap_or_default();
        said.into_iter().for_each(|d| told.push(d));
        checked
    });
    let see = |case: &'a Item| {
        let overrides = aim.overrides(name, Some(&case.name));
        see(sources, items, written.base, &item.cases, case, overrides)
    };
    let mut cases: Vec<Seen<'_>> = item.cases.iter().map(see).collect();
    for case in &mut cases {
        let said = case.model.graph.as_ref().map(review).unwrap_or_default();
        said.into_iter().for_each(|d| case.diags.push(d));
    }
    // Warnings about the model belong to the check of its own file.
    let errors = told.0.iter().filter(|d| d.is_error()).cloned();
    let mut found: Vec<(String, Diagnostic)> =
        diags.0.into_iter().chain(errors).map(|d| (name.clone(), d)).collect();
    let base = base.map(|base| (Identity::of(&base), base));
    for (index, case) in cases.iter().enumerate() {
        let address = format!("{name}.{}", case.item.name.value);
        let heard = aim.hits(name, Some(&case.item.name));
        let mut new = untold(case, &cases, &told);
        if let (Some((Some(identity), base)), true) = (&base, aim.overrides.is_empty()) {
            new.extend(equal(identity, base, &cases[..index], case));
        }
        new.retain(|d| heard || d.is_error());
        found.extend(new.into_iter().map(|d| (address.clone(), d)));
    }
    let ablation = base.map(|(identity, base)| Ablation {
        name: name.clone(),
        label: item.label.clone(),
        doc: item.doc.clone(),
        span: item.name.span,
        show: written.show,
        base,
        cases: cases.into_iter().map(|case| case.checked(identity.as_ref())).collect(),
    });
    (ablation, found)
}

fn see<'a>(
    sources: &Sources,
    items: &Items,
    base: Option<&Item>,
    all: &'a [Item],
    item: &'a Item,
    overrides: &[ast::Setting],
) -> Seen<'a> {
    let mut diags = Diags::default();
    let parts = ablation::made_of(all, item, &mut diags);
    let whole = parts.is_some();
    let parts = parts.unwrap_or_else(|| vec![(item, item.name.span)]);
    let mut stack = layers::case_stack(items, base, &parts, overrides, &mut diags);
    stack.complete &= whole;
    let model = build(sources, items, item, &stack, overrides.is_empty(), &mut diags);
    let below = parts.iter().map(|(part, _)| part.name.span);
    Seen {
        item,
        identity: Identity::of(&model).filter(|_| !diags.has_errors()),
        model,
        below: below.filter(|span| *span != item.name.span).collect(),
        diags,
    }
}

impl Seen<'_> {
    fn checked(self, base: Option<&Identity>) -> Case {
        Case {
            with: self.item.with.iter().map(|name| name.value.clone()).collect(),
            differs: self.identity.as_ref().and_then(|own| Some(own.differs(base?))),
            model: self.model,
        }
    }
}

/// What was found in a case, without what the model or a case it builds on was `told` already.
fn untold(case: &Seen<'_>, all: &[Seen<'_>], told: &Diags) -> Vec<Diagnostic> {
    let below = all.iter().filter(|other| case.below.contains(&other.item.name.span));
    let told: Vec<&Diagnostic> = below.flat_map(|b| &b.diags.0).chain(&told.0).collect();
    let is_told = |d: &Diagnostic| told.iter().any(|t| t.code == d.code && t.labels == d.labels);
    case.diags.0.iter().filter(|d| !is_told(d)).cloned().collect()
}

/// A case that is what it varies, or what an earlier case is.
fn equal(
    identity: &Identity,
    base: &Checked,
    earlier: &[Seen<'_>],
    case: &Seen<'_>,
) -> Option<Diagnostic> {
    let own = case.identity.as_ref()?;
    let same = |other: &str| format!("the case `{}` is the same as `{other}`", case.model.name);
    let what = "same graph, same recipe, same data";
    if own == identity {
        return Some(
            Diagnostic::error("E0405", same(&base.name))
                .at(case.model.span, what)
                .at(base.span, "what it varies")
                .help("change something, or leave it out: the model is in the table by itself"),
        );
    }
    let first = &earlier.iter().find(|first| first.identity.as_ref() == Some(own))?.model;
    Some(
        Diagnostic::warning("W0401", same(&first.name))
            .at(case.model.span, what)
            .at(first.span, "as here")
            .help("keep one"),
    )
}
