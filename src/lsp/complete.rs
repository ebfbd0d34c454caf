//! What can be written at a place: keys that are not said yet, kinds and values, names, files.

use super::hover::kind_text;
use super::place::at;
use super::typing::{Typing, typing};
use super::view::View;
use crate::model::{self, CLAIMS, ITEM_SLOTS, Item, Look, PathStep, Sort, steps};
use crate::schema::{Field, Kind, Slot, Ty, Word};
use crate::syntax::ast::{Body, Literal};
use gen_lsp_types::{
    CompletionItem, CompletionItemKind as Shape, MarkupContent, MarkupKind, TextEdit,
};
use std::path::Path;

/// Characters behind which there is something to choose from.
pub const TRIGGERS: [&str; 4] = [".", " ", "\"", "/"];

/// A proposal: what is written, what it is, and what it means.
struct Proposal {
    text: String,
    shape: Shape,
    detail: String,
    doc: String,
}

impl Proposal {
    fn new(
        text: &str,
        shape: Shape,
        detail: impl Into<String>,
        doc: impl Into<String>,
    ) -> Proposal {
        Proposal { text: text.to_string(), shape, detail: detail.into(), doc: doc.into() }
    }

    fn word(word: &Word, shape: Shape) -> Proposal {
        Proposal::new(word.name, shape, "", word.doc)
    }
}

/// What can stand at a byte of the open text; `blank` if the editor asks because of a blank, when
/// keys are not due.
pub fn complete(view: View<'_>, byte: usize, blank: bool) -> Vec<CompletionItem> {
    let Some(typing) = typing(view.text(), byte) else { return Vec::new() };
    if blank && typing.words.is_empty() {
        return Vec::new();
    }
    // What is replaced: a path is completed key by key, a file folder by folder.
    let begun = typing.begun.rsplit(['.', '/']).next().unwrap_or("");
    let range = view.lines(View::ROOT).range(byte - begun.len(), byte);
    let proposals = proposals(view, byte, &typing).unwrap_or_default();
    let item = |(index, proposal): (usize, Proposal)| CompletionItem {
        label: proposal.text.clone(),
        kind: Some(proposal.shape),
        detail: (!proposal.detail.is_empty()).then_some(proposal.detail),
        documentation: (!proposal.doc.is_empty())
            .then(|| MarkupContent { kind: MarkupKind::Markdown, value: proposal.doc }.into()),
        // In the order of the schema.
        sort_text: Some(format!("{index:03}")),
        text_edit: Some(TextEdit { range, new_text: proposal.text }.into()),
        ..Default::default()
    };
    proposals.into_iter().enumerate().map(item).collect()
}

fn proposals(view: View<'_>, byte: usize, typing: &Typing<'_>) -> Option<Vec<Proposal>> {
    let around = at(view.tree()?, view.text(), byte).around;
    if around.is_empty() {
        return Some(at_the_edge(view, typing));
    }
    let (item, around) = view.owner(&around)?;
    if item.sort == Sort::Ablation {
        return Some(in_ablation(view, item, typing));
    }
    let look = view.look(item);
    let path = steps(around.iter().copied());
    if let Some(claim) = path.first().filter(|step| CLAIMS.iter().any(|c| c.name == step.key)) {
        let quantities = model::quantities(claim.key).iter();
        let free = typing.words.is_empty();
        return free.then(|| quantities.map(|q| Proposal::word(q, Shape::Property)).collect());
    }
    let (typed, keys_due) = match &typing.words[..] {
        [] => (typing.begun, true),
        [key, ..] => (*key, false),
    };
    let mut keys: Vec<&str> = typed.split('@').next()?.split('.').collect();
    if keys_due {
        // The last key is what is looked for; stages are numbers.
        keys.pop();
        if typed.contains('@') {
            return None;
        }
    }
    let typed = keys.into_iter().map(|key| PathStep { key, named: None });
    let path: Vec<PathStep<'_>> = path.into_iter().chain(typed).collect();
    if keys_due {
        let said = said(item, byte);
        return Some(keys_at(&look, &path, item, &said));
    }
    let field = look.field(&path)?;
    match field.ty.inner() {
        Ty::Path => Some(files(view, typing, "")),
        _ if typing.in_string => None,
        _ => Some(values(view, item, field)),
    }
}

/// Items, their relations, and files.
fn at_the_edge(view: View<'_>, typing: &Typing<'_>) -> Vec<Proposal> {
    let Some((&first, words)) = typing.words.split_first() else {
        return model::words().iter().map(|w| Proposal::word(w, Shape::Keyword)).collect();
    };
    if first == "use" {
        return files(view, typing, "clue");
    }
    let Some(sort) = Sort::of(first).filter(|_| !typing.in_string) else { return Vec::new() };
    let (own, words) = match words {
        [own, words @ ..] => (*own, words),
        // A name is the writer's.
        [] => return Vec::new(),
    };
    let named = match sort {
        Sort::Ablation => {
            named(view, Sort::Model).filter(|item| item.sort == Sort::Model).collect()
        }
        sort => named(view, sort).filter(|item| item.name.value != own).collect(),
    };
    related(view, sort, words, named)
}

/// What a relation takes: one of the items `named`, if it is begun, or else the relations there are.
fn related(view: View<'_>, sort: Sort, words: &[&str], named: Vec<&Item>) -> Vec<Proposal> {
    let relations = sort.relations();
    let begun = words.iter().rev().find(|word| relations.contains(word));
    let full = |relation: &str| relation != "with" && words.last() != Some(&relation);
    let Some(&relation) = begun.filter(|relation| !full(relation)) else {
        let free = relations.iter().filter(|relation| !words.contains(relation));
        return free.map(|word| Proposal::new(word, Shape::Keyword, "", "")).collect();
    };
    let mut proposals: Vec<Proposal> = named.into_iter().map(|item| name(view, item)).collect();
    if let (Sort::Slot(word), "from") = (sort, relation) {
        let slot = ITEM_SLOTS.iter().find(|slot| slot.name == word);
        proposals.extend(slot.iter().flat_map(|slot| kinds(slot)));
    }
    proposals.retain(|proposal| !words.contains(&proposal.text.as_str()));
    proposals
}

/// Cases and what they build on, and what is shown of them.
fn in_ablation(view: View<'_>, ablation: &Item, typing: &Typing<'_>) -> Vec<Proposal> {
    match &typing.words[..] {
        [] => model::IN_ABLATIONS.iter().map(|w| Proposal::word(w, Shape::Keyword)).collect(),
        ["show", said @ ..] => {
            let free = model::shown().into_iter().filter(|word| !said.contains(&word.name));
            free.map(|word| Proposal::word(&word, Shape::EnumMember)).collect()
        }
        ["case", own, words @ ..] if !typing.in_string => {
            let others = ablation.cases.iter().filter(|case| case.name.value != *own);
            related(view, Sort::Case, words, others.collect())
        }
        _ => Vec::new(),
    }
}

fn named<'a>(view: View<'a>, sort: Sort) -> impl Iterator<Item = &'a Item> {
    view.items().visible(View::ROOT, sort)
}

fn name(view: View<'_>, item: &Item) -> Proposal {
    let label = item.label.as_deref().unwrap_or_default();
    let file = match item.home == View::ROOT {
        true => String::new(),
        false => {
            let path = view.reading.path(item.home);
            format!(" ({})", path.file_name().unwrap_or_default().to_string_lossy())
        }
    };
    let detail = format!("{} {label}{file}", item.sort.word());
    Proposal::new(&item.name, Shape::Class, detail.trim_end(), item.doc.clone().unwrap_or_default())
}

fn kinds(slot: &'static Slot) -> impl Iterator<Item = Proposal> {
    let kinds = slot.kinds.iter().filter(|_| slot.single().is_none());
    kinds.map(|kind| {
        let detail = format!("kind of {}", slot.name);
        Proposal::new(kind.name, Shape::Struct, detail, kind_text(kind, slot.name))
    })
}

/// Keys of the settings inside a path that are not said there yet.
fn keys_at(look: &Look, path: &[PathStep<'_>], item: &Item, said: &[Vec<&str>]) -> Vec<Proposal> {
    let around: Vec<&str> = path.iter().map(|step| step.key).collect();
    let mut fields: Vec<&'static Field> = Vec::new();
    let kinds: Vec<&'static Kind> = look.kinds(path);
    for field in kinds.iter().flat_map(|kind| kind.fields) {
        let whole = [&around[..], &[field.name]].concat();
        if !said.contains(&whole) && !fields.iter().any(|known| known.name == field.name) {
            fields.push(field);
        }
    }
    let mut proposals: Vec<Proposal> = fields
        .into_iter()
        .map(|field| {
            let detail = field.ty.expected();
            Proposal::new(field.name, Shape::Property, detail, field.doc)
        })
        .collect();
    if path.is_empty() && matches!(item.sort, Sort::Model | Sort::Case) {
        let free = CLAIMS.iter().filter(|claim| !said.contains(&vec![claim.name]));
        proposals.extend(free.map(|claim| Proposal::word(claim, Shape::Keyword)));
    }
    proposals
}

/// Paths said in an item for all stages, but for the one at the cursor.
fn said(item: &Item, byte: usize) -> Vec<Vec<&str>> {
    fn collect<'a>(body: &'a Body, around: &[&'a str], byte: usize, said: &mut Vec<Vec<&'a str>>) {
        for setting in &body.settings {
            let span = setting.span;
            let keys = setting.path.keys.iter().map(|key| key.value.as_str());
            let path: Vec<&str> = around.iter().copied().chain(keys).collect();
            let typed = (span.start as usize..=span.end as usize).contains(&byte);
            if !typed && setting.path.selector.is_none() {
                said.push(path.clone());
            }
            setting.body.iter().for_each(|body| collect(body, &path, byte, said));
        }
    }
    let mut paths = Vec::new();
    item.body.iter().for_each(|body| collect(body, &[], byte, &mut paths));
    paths
}

/// What a setting takes.
fn values(view: View<'_>, item: &Item, field: &'static Field) -> Vec<Proposal> {
    let mut proposals = Vec::new();
    match field.ty.inner() {
        Ty::Words(words) => {
            proposals.extend(words.iter().map(|word| Proposal::word(word, Shape::EnumMember)));
        }
        Ty::Slot(slot) => {
            proposals.extend(kinds(slot));
            let items = named(view, Sort::Slot(slot.name));
            let others = items.filter(|other| other.name.span != item.name.span);
            proposals.extend(others.map(|item| name(view, item)));
        }
        _ => {}
    }
    for word in ["on", "off"] {
        if field.ty.parse(&[Literal::Name(word.to_string())]).is_some() {
            proposals.push(Proposal::new(word, Shape::Constant, "", ""));
        }
    }
    if let Some(default) = field.default {
        match proposals.iter_mut().find(|proposal| proposal.text == default) {
            Some(proposal) if proposal.detail.is_empty() => proposal.detail = "default".to_string(),
            Some(_) => {}
            None => proposals.push(Proposal::new(default, Shape::Value, "default", "")),
        }
    }
    proposals
}

/// Files and folders beside the text, or in the folder that is typed; `extension` if only such
/// files, none of them the text itself, are wanted.
fn files(view: View<'_>, typing: &Typing<'_>, extension: &str) -> Vec<Proposal> {
    let text = view.reading.path(View::ROOT);
    let (folder, _) = typing.begun.rsplit_once('/').unwrap_or_default();
    let home = text.parent().unwrap_or(Path::new(""));
    let Ok(entries) = std::fs::read_dir(home.join(folder)) else { return Vec::new() };
    let mut proposals = Vec::new();
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let fits = extension.is_empty() || path.extension().is_some_and(|e| e == extension);
        if name.starts_with('.') || path == text {
            continue;
        }
        if path.is_dir() {
            proposals.push(Proposal::new(&format!("{name}/"), Shape::Folder, "", ""));
        } else if fits {
            proposals.push(Proposal::new(&name, Shape::File, "", ""));
        }
    }
    proposals.sort_by(|a, b| a.text.cmp(&b.text));
    if !typing.in_string {
        proposals.retain(|proposal| proposal.shape == Shape::File);
        proposals.iter_mut().for_each(|file| file.text = format!("\"{}\"", file.text));
    }
    proposals
}
