//! Items: their sorts, names and relations, and who sees whom.

use super::settings::{Whole, is_per_stage};
use super::unopened;
use crate::blocks::{Embed, FeedForward, Head, Mixer, Norm, Pool};
use crate::diag::{Diagnostic, Diags, SourceId, Span, Spanned, list};
use crate::schema::{Slot, Word, names};
use crate::spec::{Data, Optimizer, RecipeSlot, Schedule};
use crate::syntax::ast::{Body, File, Link, Literal, Relation, Setting};
use std::collections::{BTreeMap, BTreeSet};

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
    Ablation,
    /// Stands in an ablation, and nowhere else.
    Case,
    Slot(&'static str),
}

impl Sort {
    pub fn of(word: &str) -> Option<Sort> {
        match word {
            "model" => Some(Sort::Model),
            "family" => Some(Sort::Family),
            "ablation" => Some(Sort::Ablation),
            _ => ITEM_SLOTS.iter().find(|s| s.name == word).map(|s| Sort::Slot(s.name)),
        }
    }

    /// The word that declares it.
    pub fn word(self) -> &'static str {
        match self {
            Sort::Model => "model",
            Sort::Family => "family",
            Sort::Ablation => "ablation",
            Sort::Case => "case",
            Sort::Slot(name) => name,
        }
    }

    /// The relations it may have.
    pub fn relations(self) -> &'static [&'static str] {
        match self {
            Sort::Model | Sort::Family => &["from", "with"],
            Sort::Ablation => &["of"],
            Sort::Case => &["with"],
            Sort::Slot(_) => &["from"],
        }
    }

    pub fn shares_names(self, other: Sort) -> bool {
        let network = |s| matches!(s, Sort::Model | Sort::Family);
        self == other || network(self) && network(other)
    }
}

/// A `use` line: which file says it, where it says the path, which file it brings in.
#[derive(Debug, Clone, Copy)]
pub struct Use {
    pub from: SourceId,
    pub to: SourceId,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub struct Item {
    pub sort: Sort,
    pub name: Spanned<String>,
    pub label: Option<String>,
    pub doc: Option<String>,
    pub from: Option<Spanned<String>>,
    pub with: Vec<Spanned<String>>,
    /// What an ablation varies.
    pub of: Option<Spanned<String>>,
    pub body: Option<Body>,
    /// Of an ablation.
    pub cases: Vec<Item>,
    /// The file it stands in, whose names it sees.
    pub home: SourceId,
    /// A relation of it is in error: what it lacks may have come from there.
    pub orphan: bool,
}

/// The items of all files read, and which file sees which.
#[derive(Debug, Default)]
pub struct Items {
    /// The trees of the files.
    pub files: BTreeMap<SourceId, File>,
    /// The `use` lines that name a file which can be read.
    pub uses: Vec<Use>,
    pub all: Vec<Item>,
    /// The files each file uses, and itself.
    pub sees: BTreeMap<SourceId, Vec<SourceId>>,
    /// Files that use a file which can not be read: what they do not find may stand there.
    pub partial: BTreeSet<SourceId>,
}

impl Items {
    /// The models that stand in a file itself.
    pub fn models_of(&self, home: SourceId) -> impl Iterator<Item = &Item> {
        self.all.iter().filter(move |i| i.home == home && i.sort == Sort::Model)
    }

    /// The ablations that stand in a file itself.
    pub fn ablations_of(&self, home: SourceId) -> impl Iterator<Item = &Item> {
        self.all.iter().filter(move |i| i.home == home && i.sort == Sort::Ablation)
    }

    /// The item of this sort and name that the file `home` sees.
    pub fn find(&self, home: SourceId, sort: Sort, name: &str) -> Option<&Item> {
        self.visible(home, sort).find(|i| i.name.value == name)
    }

    pub fn visible(&self, home: SourceId, sort: Sort) -> impl Iterator<Item = &Item> {
        let sees = self.sees.get(&home).map(Vec::as_slice).unwrap_or_default();
        self.all.iter().filter(move |i| i.sort.shares_names(sort) && sees.contains(&i.home))
    }

    /// All items, and the cases of ablations behind theirs.
    pub fn with_cases(&self) -> impl Iterator<Item = &Item> {
        self.all.iter().flat_map(|item| std::iter::once(item).chain(&item.cases))
    }

    /// The ablation that a case stands in.
    pub fn ablation_of(&self, case: &Item) -> Option<&Item> {
        let is_it = |other: &Item| other.name.span == case.name.span;
        self.all.iter().find(|item| item.cases.iter().any(is_it))
    }

    /// The items that `home` tells apart from `item` by their names, and itself.
    pub fn namesakes(&self, home: SourceId, item: &Item) -> Vec<&Item> {
        match item.sort {
            Sort::Case => self.ablation_of(item).into_iter().flat_map(|of| &of.cases).collect(),
            sort => self.visible(home, sort).collect(),
        }
    }

    /// The item that `child` names in a relation, or a report of what there is.
    pub fn resolve(
        &self,
        child: &Item,
        sort: Sort,
        name: &Spanned<String>,
        diags: &mut Diags,
    ) -> Option<&Item> {
        let named = || self.visible(child.home, sort).filter(|i| i.name.value == name.value);
        // Of two items of a name, which is an error, the other one is meant.
        let other = named().find(|item| item.name.span != child.name.span);
        let found = other.or_else(|| named().next());
        if found.is_none() && !self.partial.contains(&child.home) {
            // A family is never built, so that there is no ablation of it.
            let builds = |item: &&Item| child.sort != Sort::Ablation || item.sort == Sort::Model;
            let others = self.visible(child.home, sort).filter(builds);
            let others = others.filter(|i| i.name.span != child.name.span);
            // A setting of a slot may come from one of its kinds as well.
            let slot = ITEM_SLOTS.iter().find(|slot| Sort::Slot(slot.name) == sort);
            let kinds = slot.iter().filter(|slot| slot.single().is_none());
            let kinds = kinds.flat_map(|slot| slot.kinds).map(|kind| kind.name);
            let names: Vec<&str> = others.map(|i| i.name.as_str()).chain(kinds).collect();
            let what = match sort {
                Sort::Slot(slot) => slot,
                _ if child.sort == Sort::Ablation => "model",
                _ => "model or family",
            };
            diags.push(
                Diagnostic::error("E0204", format!("there is no {what} `{}`", name.value))
                    .at(name.span, "unknown")
                    .suggest(name.span, name, &names),
            );
        }
        found
    }
}

impl Items {
    /// Whether several items are meant by a name, which is reported as a clash: what is made of them
    /// can not be told.
    pub fn is_ambiguous(&self, child: &Item, sort: Sort, name: &str) -> bool {
        let named = self.visible(child.home, sort).filter(|item| item.name.value == name);
        named.filter(|item| item.name.span != child.name.span).count() > 1
    }
}

/// Items that are made of each other, from the first of the circle on.
pub fn circle(path: &[&Item]) -> Diagnostic {
    let mut names: Vec<Span> = path.iter().map(|item| item.name.span).collect();
    names.sort();
    let mut diagnostic = Diagnostic::error(
        "E0209",
        match names.len() {
            1 => "this item is made of itself",
            _ => "these items are made of each other",
        },
    );
    for name in names {
        diagnostic = diagnostic.at(name, "in the circle");
    }
    diagnostic.help("one of them has to say everything itself")
}

/// What a file holds: the words that begin a line at the left edge.
pub fn words() -> Vec<Word> {
    let slots = ITEM_SLOTS.iter().map(|Slot { name, doc, .. }| Word { name, doc });
    let own = [
        Word { name: "use", doc: "Brings in the items of another file." },
        Word { name: "model", doc: "A network, with the data and the recipe it is trained by." },
        Word { name: "family", doc: "A layer of settings that models are made of." },
        Word { name: "ablation", doc: "A model varied: cases, each a layer over it." },
    ];
    own.into_iter().chain(slots).collect()
}

fn unknown_item(word: &Spanned<String>) -> Diagnostic {
    let words = names(&words());
    let diagnostic = Diagnostic::error("E0205", format!("`{}` is no item", word.value))
        .at(word.span, "a file holds items");
    match word.as_str() {
        "case" => diagnostic.help("a case stands in the body of its ablation"),
        "import" | "include" | "from" => {
            diagnostic.help("items of another file are brought in by `use \"other.clue\"`")
        }
        "class" | "network" | "net" => diagnostic.help("write `model`").fix(word.span, "model"),
        key if Whole::KIND.field(key).is_some() || is_per_stage(key) => {
            let owner = "a setting of a model: it stands in its braces, `model my_name { … }`";
            diagnostic.help(format!("`{key}` is {owner}"))
        }
        _ => diagnostic.suggest(word.span, word, &words),
    }
}

/// The item a setting at the left edge declares.
pub fn read(setting: &Setting, home: SourceId, diags: &mut Diags) -> Option<Item> {
    let word = &setting.path.keys[0];
    let Some(sort) = Sort::of(word) else {
        diags.push(unknown_item(word));
        return None;
    };
    let opened = unopened::open(setting, sort, diags);
    let setting = opened.as_ref().unwrap_or(setting);
    let mut item = declared(setting, sort, home, diags)?;
    match sort {
        Sort::Family => claimless(setting, diags),
        Sort::Ablation => {
            let inside = setting.body.iter().flat_map(|body| &body.settings);
            let cases = inside.filter(|inside| inside.path.keys[0].value == Sort::Case.word());
            item.cases = cases.filter_map(|c| declared(c, Sort::Case, home, diags)).collect();
        }
        _ => {}
    }
    Some(item)
}

/// The item of a sort that a setting declares: its name, its label, its relations.
fn declared(setting: &Setting, sort: Sort, home: SourceId, diags: &mut Diags) -> Option<Item> {
    let word = sort.word();
    let plain = setting.path.keys.len() == 1 && setting.path.selector.is_none();
    // `model b extends a`: behind the name and the label stands a word of another language.
    let behind = setting.row.iter().skip(1).position(|value| name_of(value).is_some());
    let behind = behind.filter(|_| setting.links.is_empty() || setting.row.len() > 2);
    let (head, loose) = setting.row.split_at(behind.map_or(setting.row.len(), |at| at + 1));
    let (name, label) = match head {
        [Spanned { value: Literal::Name(name), span }] if plain => {
            (Spanned::new(name.clone(), *span), None)
        }
        [
            Spanned { value: Literal::Name(name), span },
            Spanned { value: Literal::Text(label), .. },
        ] if plain => (Spanned::new(name.clone(), *span), Some(label.clone())),
        [
            Spanned { value: Literal::Name(name), span },
            Spanned { value: Literal::Name(label), span: bare },
        ] if plain => {
            diags.push(
                Diagnostic::error("E0207", "a label stands in quotes")
                    .at(*bare, "a label?")
                    .help(format!("write `\"{label}\"`"))
                    .fix(*bare, format!("\"{label}\"")),
            );
            (Spanned::new(name.clone(), *span), Some(label.clone()))
        }
        _ if !plain => {
            diags.push(
                Diagnostic::error("E0207", "an item has a name, and no path")
                    .at(setting.path.span, "a path")
                    .help(format!("write `{word} my_name {{ … }}`")),
            );
            return None;
        }
        // What stands in place of the name has been reported.
        _ if setting.broken => return None,
        _ => {
            let relations: String = setting.links.iter().map(as_written).collect();
            let label = if relations.is_empty() { " \"My label\"" } else { "" };
            diags.push(
                Diagnostic::error("E0207", format!("`{word}` needs a name"))
                    .at(setting.span, "a name, then perhaps a label in quotes")
                    .help(format!("write `{word} my_name{label}{relations} {{ … }}`")),
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
        of: None,
        body: setting.body.clone(),
        cases: Vec::new(),
        home,
        // What could not be read of its line may have been a relation.
        orphan: setting.broken,
    };
    if !loose.is_empty() {
        item.orphan |= item.relate_loosely(loose, diags).is_none();
    }
    for Link { relation, names } in &setting.links {
        if let Some((mistake, help)) = item.relate(relation.value, names) {
            item.orphan = true;
            diags.push(
                Diagnostic::error("E0208", mistake)
                    .at(relation.span, "does not fit here")
                    .help(help),
            );
        }
    }
    Some(item)
}

fn name_of(value: &Spanned<Literal>) -> Option<&str> {
    match &value.value {
        Literal::Name(name) => Some(name),
        _ => None,
    }
}

/// A relation with the blank before it.
fn as_written(link: &Link) -> String {
    let names: Vec<&str> = link.names.iter().map(|name| name.as_str()).collect();
    format!(" {} {}", link.relation.value.word(), names.join(", "))
}

impl Item {
    /// Reports what stands in the row behind the name and the label, where a relation belongs; it is
    /// taken for what was meant. Fails where that can not be told.
    fn relate_loosely(&mut self, row: &[Spanned<Literal>], diags: &mut Diags) -> Option<()> {
        let known = self.sort.relations();
        let relation = *known.first()?;
        let word = row.first()?;
        let text = name_of(word)?;
        let words: Vec<String> = known.iter().map(|known| format!("`{known}`")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let expected = format!("expected {}", list(&words, "or"));
        let (mistake, parent, fix) = match row {
            [_] => {
                let mistake = format!("a relation is missing before `{text}`");
                (
                    mistake,
                    word,
                    (Span { end: word.span.start, ..word.span }, format!("{relation} ")),
                )
            }
            [_, parent, ..] => {
                let mistake = format!("`{text}` is no relation");
                (mistake, parent, (word.span, relation.to_string()))
            }
            [] => return None,
        };
        let diagnostic = Diagnostic::error("E0208", mistake).at(word.span, expected);
        let others = row.get(2..).unwrap_or_default();
        let named = |value: &Spanned<Literal>| {
            name_of(value).map(|name| Spanned::new(name.to_string(), value.span))
        };
        let names: Option<Vec<Spanned<String>>> =
            std::iter::once(parent).chain(others).map(named).collect();
        let layered = matches!(self.sort, Sort::Model | Sort::Family | Sort::Case);
        let Some(names) = names.filter(|names| names.len() == 1 || layered) else {
            let head = format!("{} {}", self.sort.word(), self.name.value);
            diags.push(diagnostic.help(format!("write `{head} {relation} …`")));
            return None;
        };
        let words: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        // One parent; over it lie the others.
        let meant = match &words[..] {
            [first, others @ ..] if relation == "from" && !others.is_empty() => {
                format!("from {first} with {}", others.join(", "))
            }
            all => format!("{relation} {}", all.join(", ")),
        };
        let diagnostic = diagnostic.help(format!("write `{meant}`"));
        diags.push(match row.last() {
            Some(last) if names.len() > 1 => diagnostic.fix(word.span.to(last.span), meant),
            _ => diagnostic.fix(fix.0, fix.1),
        });
        let mut names = names.into_iter();
        match relation {
            "from" => self.from = names.next(),
            "of" => self.of = names.next(),
            _ => {}
        }
        self.with.extend(names);
        Some(())
    }

    /// Takes in a relation, or says why it does not fit and what does.
    fn relate(
        &mut self,
        relation: Relation,
        names: &[Spanned<String>],
    ) -> Option<(&'static str, String)> {
        let head = format!("{} {}", self.sort.word(), self.name.value);
        let named = names.first().map_or("parent", |name| name.as_str());
        Some(match (relation, names, self.sort) {
            (Relation::Of, [name], Sort::Ablation) if self.of.is_none() => {
                self.of = Some(name.clone());
                return None;
            }
            (Relation::Of, _, Sort::Ablation) => {
                ("an ablation is of one model", format!("write `{head} of {named}`"))
            }
            (_, _, Sort::Ablation) => {
                ("an ablation is of a model", format!("write `{head} of {named}`"))
            }
            (Relation::From, _, Sort::Case) => (
                "a case is made of its model and of other cases",
                format!("write `{head} with other_case`"),
            ),
            (Relation::Of, _, Sort::Case) => {
                ("the ablation says of which model its cases are", "leave it out".to_string())
            }
            (Relation::From, [name], _) if self.from.is_none() => {
                self.from = Some(name.clone());
                return None;
            }
            (Relation::With, names, Sort::Model | Sort::Family | Sort::Case) => {
                self.with.extend(names.iter().cloned());
                return None;
            }
            (Relation::From, _, Sort::Slot(_)) => {
                ("an item has one parent", format!("write `{head} from {named}`"))
            }
            (Relation::From, ..) => (
                "an item has one parent",
                format!("write `{head} from {named}`; families are laid over it by `with`"),
            ),
            (Relation::With, ..) => (
                "only models and families are laid over each other",
                format!("leave it out; what `{named}` says belongs into the body"),
            ),
            (Relation::Of, ..) => {
                ("only an ablation is of a model", format!("write `{head} from {named}`"))
            }
        })
    }
}

/// A family is never built, so there is nothing to expect of it.
fn claimless(family: &Setting, diags: &mut Diags) {
    for claim in family.body.iter().flat_map(|b| &b.settings) {
        let key = &claim.path.keys[0];
        if ["expect", "paper"].contains(&key.as_str()) {
            diags.push(
                Diagnostic::error("E0315", format!("`{}` stands in a model", key.value))
                    .at(key.span, "of a family, which is never built")
                    .help("say it in every model made of this family"),
            );
        }
    }
}
