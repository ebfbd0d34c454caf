//! What a word means, what holds there, and what it costs: as Markdown.

use super::reading::Reading;
use super::subject::{Subject, subject};
use super::view::View;
use crate::diag::number::{grouped, short};
use crate::graph::Graph;
use crate::graph::cost::Share;
use crate::model::{Item, Look, PathStep, Sort, is_per_stage, row};
use crate::schema::{Field, Kind, default_of};
use gen_lsp_types::{Hover, MarkupContent, MarkupKind};
use std::fmt::Write;

pub fn hover(view: View<'_>, byte: usize) -> Option<Hover> {
    let (subject, span) = subject(view, byte)?;
    let text = match &subject {
        Subject::Word(word) => format!("`{}`: {}", word.name, word.doc),
        Subject::Item(item) => item_text(view, item),
        Subject::File(id) => format!("`{}`", view.reading.sources.get(*id).name),
        Subject::Setting { item, look, path, field } => setting_text(view, item, look, path, field),
        Subject::Kind { kind, slot } => kind_text(kind, slot),
        Subject::Choice(word) if word.doc.is_empty() => return None,
        Subject::Choice(word) => format!("`{}`: {}", word.name, word.doc),
    };
    Some(Hover {
        contents: MarkupContent { kind: MarkupKind::Markdown, value: text }.into(),
        range: Some(view.lines(View::ROOT).span(span)),
    })
}

/// A line of what it is, its doc comment, and of a model its counts.
fn item_text(view: View<'_>, item: &Item) -> String {
    let label = item.label.as_ref().map(|label| format!(" \"{label}\"")).unwrap_or_default();
    let mut text = format!("`{} {}`{label}", item.sort.word(), item.name.value);
    if let Some(doc) = &item.doc {
        let _ = write!(text, "\n\n{doc}");
    }
    let counted = with_graph(view, item, |graph| {
        let cost = graph.cost();
        let [rows, columns] = graph.input_size();
        format!(
            "\n\n{} parameters, {} MACs, {} ptflops; images of {rows}x{columns}, {} classes",
            grouped(graph.param_count()),
            short(cost.macs),
            short(cost.ptflops),
            graph.classes(),
        )
    });
    text + &counted.unwrap_or_default()
}

/// Speaks of the graph of a model, wherever it stands, or of a case.
fn with_graph<T>(view: View<'_>, item: &Item, speak: impl FnOnce(&Graph) -> T) -> Option<T> {
    let of = |reading: &Reading| {
        let program = &reading.study.program;
        let model = match item.sort {
            Sort::Model => program.models.iter().find(|model| model.name == item.name.value),
            _ => {
                let cases = program.ablations.iter().flat_map(|ablation| &ablation.cases);
                cases.map(|case| &case.model).find(|model| model.span == item.name.span)
            }
        };
        model?.graph.as_ref().map(speak)
    };
    match item.sort {
        // Nobody speaks of the cases of another file.
        Sort::Model | Sort::Case if item.home == View::ROOT => of(view.reading),
        Sort::Model => of(&Reading::of(view.documents, &view.reading.path(item.home))),
        _ => None,
    }
}

fn setting_text(
    view: View<'_>,
    item: &Item,
    look: &Look,
    path: &[PathStep<'_>],
    field: &Field,
) -> String {
    let keys: Vec<&str> = path.iter().map(|step| step.key).collect();
    let dotted = keys.join(".");
    let mut text = format!("`{dotted}`: {}\n\nTakes {}.", field.doc, field.ty.expected());
    if let Some(default) = field.default {
        let _ = write!(text, " Default: `{default}`.");
    } else if default_of(field).is_none() {
        text.push_str(" Must be said.");
    }
    if let Some(holds) = row(&look.settings, &dotted) {
        let _ = write!(text, "\n\nHere: `{holds}`");
        let said = look.settings.iter().find(|s| s.path == dotted).and_then(|s| s.said);
        match said {
            Some(span) if span.source != item.home => {
                let (line, _) = view.reading.sources.position(span);
                let path = view.reading.path(span.source);
                let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let _ = write!(text, ", said in {file}, line {line}");
            }
            Some(_) => {}
            None => text.push_str(", by default"),
        }
    }
    let table = with_graph(view, item, |graph| parts_table(graph, look, &keys));
    text + &table.unwrap_or_default()
}

/// What the part of a network that a path names gives and costs, stage by stage.
fn parts_table(graph: &Graph, look: &Look, keys: &[&str]) -> String {
    let mut table = String::new();
    if !is_per_stage(keys[0]) {
        if let Some(share) = graph.share(|scope| lies_in(scope, keys)) {
            let [output, params, macs] = columns(&share);
            table = format!("\n\n{output}, {params} parameters, {macs} MACs");
        }
        return table;
    }
    let stages = look.settings.iter().filter_map(|setting| setting.stage).max().unwrap_or(0);
    for stage in 1..=stages {
        let name = format!("stage{stage}");
        // What is said of a stage as such is said of all of it.
        let around = ["blocks", "width"].contains(&keys[0]);
        let inside: Vec<&str> =
            [&name[..]].into_iter().chain(keys.iter().copied().filter(|_| !around)).collect();
        if let Some(share) = graph.share(|scope| lies_in(scope, &inside)) {
            let _ = write!(table, "\n| {stage} | {} |", columns(&share).join(" | "));
        }
    }
    match table.is_empty() {
        true => table,
        false => format!("\n\n| stage | gives | parameters | MACs |\n|---|---|---|---|{table}"),
    }
}

/// The names around a node hold these, in this order.
fn lies_in(scope: &str, names: &[&str]) -> bool {
    let mut around = scope.split('.');
    names.iter().all(|name| around.any(|part| part == *name))
}

/// What it gives, its parameters, its multiply-accumulates.
fn columns(share: &Share) -> [String; 3] {
    [share.output.to_string(), grouped(share.params), short(share.cost.macs)]
}

/// A kind and its settings.
pub fn kind_text(kind: &Kind, slot: &str) -> String {
    let mut text = format!("`{}`, a kind of {slot}: {}", kind.name, kind.doc.trim());
    if !kind.fields.is_empty() {
        text.push_str("\n\n| setting | default | |\n|---|---|---|");
    }
    for field in kind.fields {
        let default = field.default.map(|default| format!("`{default}`")).unwrap_or_default();
        let _ = write!(text, "\n| `{}` | {default} | {} |", field.name, field.doc);
    }
    text
}
