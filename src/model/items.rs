//! Items and the files they stand in: `use`, names, and who sees whom.

use crate::blocks::{Embed, FeedForward, Head, Mixer, Norm, Pool};
use crate::diag::{Diagnostic, Diags, SourceId, Sources, Span, Spanned, suggest};
use crate::schema::Slot;
use crate::spec::{Data, Optimizer, RecipeSlot, Schedule};
use crate::syntax::ast::{Body, File, Link, Literal, Relation, Setting};
use crate::syntax::parse;
use std::collections::BTreeMap;
use std::path::Path;

/// Reads the text of a file.
pub type Reader<'a> = &'a dyn Fn(&Path) -> std::io::Result<String>;

/// Slots whose settings can be items: `pool thin from icp { … }`.
pub const ITEM_SLOTS: &[&Slot] = &[
    Data::SLOT,
    RecipeSlot::SLOT,
    Embed::SLOT,
    Norm::SLOT,
    Mixer::SLOT,
    FeedForward::SLOT,
    Pool::SLOT,
    Head::SLOT,
    Optimizer::SLOT,
    Schedule::SLOT,
];

/// What an item is. Models and families share their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    Model,
    Family,
    Slot(&'static str),
}

impl Sort {
    fn of(word: &str) -> Option<Sort> {
        match word {
            "model" => Some(Sort::Model),
            "family" => Some(Sort::Family),
            _ => ITEM_SLOTS.iter().find(|s| s.name == word).map(|s| Sort::Slot(s.name)),
        }
    }

    fn shares_names(self, other: Sort) -> bool {
        let network = |s| matches!(s, Sort::Model | Sort::Family);
        self == other || network(self) && network(other)
    }
}

#[derive(Debug, Clone)]
pub struct Item {
    pub sort: Sort,
    pub name: Spanned<String>,
    pub label: Option<String>,
    pub doc: Option<String>,
    pub from: Option<Spanned<String>>,
    pub with: Vec<Spanned<String>>,
    pub body: Option<Body>,
    /// The file it stands in, whose names it sees.
    pub home: SourceId,
}

/// The items of all files read, and which file sees which.
#[derive(Debug, Default)]
pub struct Items {
    all: Vec<Item>,
    /// The files each file uses, and itself.
    sees: BTreeMap<SourceId, Vec<SourceId>>,
}

impl Items {
    /// Parses `root` and every file it uses.
    pub fn load(
        sources: &mut Sources,
        read: Reader<'_>,
        root: SourceId,
        diags: &mut Diags,
    ) -> Items {
        let mut items = Items::default();
        let mut loaded = BTreeMap::new();
        loaded.insert(sources.get(root).name.clone(), root);
        let mut waiting = vec![root];
        while let Some(id) = waiting.pop() {
            let (file, found) = parse(sources, id);
            found.0.into_iter().for_each(|d| diags.push(d));
            items.file(&file, diags);
            let mut sees = vec![id];
            for (path, span) in uses(&file, diags) {
                let base = Path::new(&sources.get(id).name).parent().unwrap_or(Path::new(""));
                let target = base.join(&path);
                let key = target.to_string_lossy().into_owned();
                if let Some(&known) = loaded.get(&key) {
                    if known == id {
                        diags.push(
                            Diagnostic::error("E0201", "a file can not use itself")
                                .at(span, "this file"),
                        );
                    }
                    sees.push(known);
                    continue;
                }
                match read(&target) {
                    Ok(text) => {
                        let used = sources.add(&key, text);
                        loaded.insert(key, used);
                        sees.push(used);
                        waiting.push(used);
                    }
                    Err(error) => diags.push(
                        Diagnostic::error(
                            "E0202",
                            format!("the file {key} can not be read: {error}"),
                        )
                        .at(span, "used here")
                        .help("paths are relative to the file that says them"),
                    ),
                }
            }
            items.sees.insert(id, sees);
        }
        items.clashes(diags);
        items
    }

    fn file(&mut self, file: &File, diags: &mut Diags) {
        for setting in &file.settings {
            let word = &setting.path.keys[0];
            if word.value == "use" {
                continue;
            }
            let Some(sort) = Sort::of(word) else {
                diags.push(unknown_item(word));
                continue;
            };
            if let Some(item) = item(setting, sort, file.source, diags) {
                self.all.push(item);
            }
        }
    }

    fn clashes(&self, diags: &mut Diags) {
        for (index, item) in self.all.iter().enumerate() {
            let earlier = self.all[..index].iter().find(|other| {
                other.sort.shares_names(item.sort)
                    && other.name.value == item.name.value
                    && self.sees.values().any(|s| s.contains(&other.home) && s.contains(&item.home))
            });
            if let Some(earlier) = earlier {
                let message = format!("the name `{}` is given twice", item.name.value);
                diags.push(
                    Diagnostic::error("E0203", message)
                        .at(item.name.span, "again here")
                        .at(earlier.name.span, "first here"),
                );
            }
        }
    }

    /// The models that stand in a file itself.
    pub fn models_of(&self, home: SourceId) -> impl Iterator<Item = &Item> {
        self.all.iter().filter(move |i| i.home == home && i.sort == Sort::Model)
    }

    /// The item of this sort and name that the file `home` sees.
    pub fn find(&self, home: SourceId, sort: Sort, name: &str) -> Option<&Item> {
        self.visible(home, sort).find(|i| i.name.value == name)
    }

    pub fn visible(&self, home: SourceId, sort: Sort) -> impl Iterator<Item = &Item> {
        let sees = self.sees.get(&home).map(Vec::as_slice).unwrap_or_default();
        self.all.iter().filter(move |i| i.sort.shares_names(sort) && sees.contains(&i.home))
    }

    /// The item a relation names, or a report of what there is.
    pub fn resolve(
        &self,
        home: SourceId,
        sort: Sort,
        name: &Spanned<String>,
        diags: &mut Diags,
    ) -> Option<&Item> {
        let found = self.find(home, sort, name);
        if found.is_none() {
            let names: Vec<&str> = self.visible(home, sort).map(|i| i.name.as_str()).collect();
            let what = match sort {
                Sort::Slot(slot) => slot,
                _ => "model or family",
            };
            diags.push(
                Diagnostic::error("E0204", format!("there is no {what} `{}`", name.value))
                    .at(name.span, "unknown")
                    .help(suggest(name, &names)),
            );
        }
        found
    }
}

fn unknown_item(word: &Spanned<String>) -> Diagnostic {
    let mut words = vec!["use", "model", "family"];
    words.extend(ITEM_SLOTS.iter().map(|s| s.name));
    Diagnostic::error("E0205", format!("`{}` is no item", word.value))
        .at(word.span, "a file holds items")
        .help(suggest(word, &words))
}

/// The paths of the `use` lines.
fn uses(file: &File, diags: &mut Diags) -> Vec<(String, Span)> {
    let mut paths = Vec::new();
    for setting in file.settings.iter().filter(|s| s.path.keys[0].value == "use") {
        match &setting.row[..] {
            [Spanned { value: Literal::Text(path), span }] if setting.body.is_none() => {
                paths.push((path.clone(), *span));
            }
            _ => diags.push(
                Diagnostic::error("E0206", "`use` takes one file")
                    .at(setting.span, "here")
                    .help("write `use \"other.clue\"`"),
            ),
        }
    }
    paths
}

fn item(setting: &Setting, sort: Sort, home: SourceId, diags: &mut Diags) -> Option<Item> {
    let word = &setting.path.keys[0];
    let (name, label) = match &setting.row[..] {
        [Spanned { value: Literal::Name(name), span }] => (Spanned::new(name.clone(), *span), None),
        [
            Spanned { value: Literal::Name(name), span },
            Spanned { value: Literal::Text(label), .. },
        ] => (Spanned::new(name.clone(), *span), Some(label.clone())),
        _ => {
            diags.push(
                Diagnostic::error("E0207", format!("`{}` needs a name", word.value))
                    .at(setting.span, "a name, then perhaps a label in quotes")
                    .help(format!("write `{} my_name \"My label\" {{ … }}`", word.value)),
            );
            return None;
        }
    };
    let mut item = Item {
        sort,
        name,
        label,
        doc: setting.doc.clone(),
        from: None,
        with: Vec::new(),
        body: setting.body.clone(),
        home,
    };
    for Link { relation, names } in &setting.links {
        match (relation.value, &names[..]) {
            (Relation::From, [name]) if item.from.is_none() => item.from = Some(name.clone()),
            (Relation::With, names) => item.with.extend(names.iter().cloned()),
            _ => diags.push(
                Diagnostic::error(
                    "E0208",
                    "an item has one parent (`from`), and families (`with`)",
                )
                .at(relation.span, "does not fit here"),
            ),
        }
    }
    Some(item)
}
