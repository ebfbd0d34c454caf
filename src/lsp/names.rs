//! Every place that speaks of an item, over the files that use the one it stands in; renaming.

use super::documents::Documents;
use super::reading::Reading;
use super::subject::{Subject, subject};
use super::view::View;
use crate::diag::{Diags, SourceId, Sources, Span};
use crate::model::{Item, Items, Look, Sort};
use crate::syntax::ast::Literal;
use gen_lsp_types::{Location, TextEdit, Uri, WorkspaceEdit};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// Files looked through, at most.
const MOST_FILES: usize = 5_000;

/// The item named at a byte of the open text, and where the name lies.
pub fn item_at<'a>(view: View<'a>, byte: usize) -> Option<(&'a Item, Span)> {
    match subject(view, byte)? {
        (Subject::Item(item), span) => Some((item, span)),
        _ => None,
    }
}

/// A file that sees an item: what is known of it, the item there, and where it is named, if it is.
struct Seer {
    reading: Reading,
    item: Item,
    spans: Vec<Span>,
}

/// The files that see an item: its own, and those of the workspace that use it.
fn seers(view: View<'_>, folders: &[PathBuf], item: &Item) -> Vec<Seer> {
    let home = view.reading.path(item.home);
    let mut paths: BTreeSet<PathBuf> = view.documents.paths().map(Path::to_path_buf).collect();
    folders.iter().for_each(|folder| collect(folder, &mut paths));
    paths.insert(home.clone());
    let seer = |path: &PathBuf| {
        let reading = names_of(view.documents, path, &home)?;
        let items = &reading.study.items;
        let same = |other: &Item| {
            reading.path(other.home) == home && other.name.span.start == item.name.span.start
        };
        let there = items.with_cases().find(|other| same(other))?.clone();
        let mentions = items.mentions(View::ROOT).into_iter();
        let spans: Vec<Span> = mentions.filter(|m| same(m.item)).map(|m| m.span).collect();
        Some(Seer { reading, item: there, spans })
    };
    paths.iter().filter_map(seer).collect()
}

/// The items a file sees, if those of `home` may be among them; nothing is checked. A file that names
/// none of them counts as well: a new name may be taken there.
fn names_of(documents: &Documents, path: &Path, home: &Path) -> Option<Reading> {
    let text = documents.read(path).ok()?;
    // Whoever uses a file says how it is called; most of a workspace does not, and is not parsed.
    let called = home.file_name().and_then(|name| name.to_str());
    // Where there are escapes, perhaps in other letters.
    let says = |name: &str| text.contains(name) || text.contains('\\');
    if path != home && !called.is_some_and(says) {
        return None;
    }
    let mut reading = Reading::default();
    let root = reading.sources.add(path.to_string_lossy(), text);
    let read = |path: &Path| documents.read(path);
    reading.study.items = Items::load(&mut reading.sources, &read, root, &mut Diags::default());
    Some(reading)
}

fn collect(folder: &Path, paths: &mut BTreeSet<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        // What is hidden, or built, is no part of a workspace. Links could lead in circles.
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && !name.to_string_lossy().starts_with('.') && name != "target" {
            collect(&path, paths);
        } else if kind.is_file()
            && path.extension().is_some_and(|e| e == "clue")
            && paths.len() < MOST_FILES
        {
            paths.insert(path);
        }
    }
}

/// Every place that names the item at a byte; its own too, if that is `wanted`.
pub fn references(
    view: View<'_>,
    folders: &[PathBuf],
    byte: usize,
    wanted: bool,
) -> Option<Vec<Location>> {
    let (item, _) = item_at(view, byte)?;
    let mut found = Vec::new();
    for Seer { reading, item, spans } in seers(view, folders, item) {
        let there = View { reading: &reading, ..view };
        let heard = spans.iter().filter(|span| wanted || **span != item.name.span);
        found.extend(heard.map(|span| there.location(*span)));
    }
    Some(found)
}

/// Gives the item at a byte another name, everywhere; or says why not.
pub fn rename(
    view: View<'_>,
    folders: &[PathBuf],
    byte: usize,
    name: &str,
) -> Result<WorkspaceEdit, String> {
    let Some((item, _)) = item_at(view, byte) else {
        return Err("only items have names that can be changed".to_string());
    };
    if !is_name(name) {
        return Err(format!("`{name}` is no name: letters, digits and `_`, a letter first"));
    }
    let kind = Look::bare(item.sort).kinds(&[]).into_iter().find(|kind| kind.name == name);
    if matches!(item.sort, Sort::Slot(_)) && (name == "off" || kind.is_some()) {
        return Err(format!("`{name}` means something else already"));
    }
    let mut changes: HashMap<Uri, Vec<TextEdit>> = HashMap::new();
    for Seer { reading, item, spans } in seers(view, folders, item) {
        let path = reading.path(View::ROOT);
        let mut others = reading.study.items.namesakes(View::ROOT, &item).into_iter();
        let same = |other: &&Item| other.name.value == name && other.name.span != item.name.span;
        if let Some(other) = others.find(same) {
            let path = reading.path(other.home);
            return Err(format!("there is a `{name}` in {} already", path.display()));
        }
        let lines = View { reading: &reading, ..view }.lines(View::ROOT);
        let edit = |span: &Span| TextEdit { range: lines.span(*span), new_text: name.to_string() };
        let edits: Vec<TextEdit> = spans.iter().map(edit).collect();
        if !edits.is_empty() {
            changes.insert(view.documents.uri(&path), edits);
        }
    }
    Ok(WorkspaceEdit { changes: Some(changes), ..Default::default() })
}

/// The parser reads it as a name.
fn is_name(word: &str) -> bool {
    let mut sources = Sources::default();
    let id: SourceId = sources.add("", format!("model {word}"));
    let (file, diags) = crate::syntax::parse(&sources, id);
    let [setting] = &file.settings[..] else { return false };
    let [value] = &setting.row[..] else { return false };
    let whole = value.span.end as usize - value.span.start as usize == word.len();
    diags.0.is_empty() && whole && setting.body.is_none() && matches!(value.value, Literal::Name(_))
}

/// For prepared renames.
pub fn renamable(view: View<'_>, byte: usize) -> Option<(gen_lsp_types::Range, String)> {
    let (item, span) = item_at(view, byte)?;
    Some((view.lines(View::ROOT).span(span), item.name.value.clone()))
}
