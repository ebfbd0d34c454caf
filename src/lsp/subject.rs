//! What the word at a place means.

use super::place::{Word, at};
use super::view::View;
use crate::diag::{SourceId, Span, Spanned};
use crate::model::{self, Item, Look, PathStep, Sort, steps};
use crate::schema::{Field, Kind, Ty, Word as Choice};
use crate::syntax::ast::{Literal, Setting};

/// The meaning of a word.
#[derive(Debug)]
pub enum Subject<'a> {
    /// Of `use`, `model`, `expect`, a quantity: a word of the language itself.
    Word(Choice),
    /// A name of an item, or of its own.
    Item(&'a Item),
    /// A path behind `use`.
    File(SourceId),
    /// A key, in an item.
    Setting {
        item: &'a Item,
        look: Look,
        path: Vec<PathStep<'a>>,
        field: &'static Field,
    },
    /// A kind of a slot, or a word that a setting takes.
    Kind {
        kind: &'static Kind,
        slot: &'static str,
    },
    Choice(&'static Choice),
}

/// What stands at a byte of the open text, and where the word lies.
pub fn subject<'a>(view: View<'a>, byte: usize) -> Option<(Subject<'a>, Span)> {
    let place = at(view.tree()?, view.text(), byte);
    let (setting, word) = place.here?;
    let span = match word {
        Word::Key(index) => setting.path.keys[index].span,
        Word::Value(index) => setting.row[index].span,
        Word::Name(link, index) => link.names[index].span,
        Word::Other => return None,
    };
    // A name of an item, wherever it stands.
    let mention = view.items().mentions(View::ROOT).into_iter().find(|m| m.span == span);
    if let Some(mention) = mention {
        return Some((Subject::Item(mention.item), span));
    }
    let subject = match (&place.around[..], word) {
        ([], Word::Key(0)) => Subject::Word(named(model::words(), &setting.path.keys[0])?),
        ([], Word::Value(_)) => {
            let used = view.items().uses.iter().find(|used| used.span == span)?;
            Subject::File(used.to)
        }
        // The kind an item is made from.
        ([], Word::Name(link, index)) => {
            let item = view.items().declared(setting)?;
            let kinds = Look::bare(item.sort).kinds(&[]);
            let kind = kinds.into_iter().find(|kind| kind.name == link.names[index].value)?;
            Subject::Kind { kind, slot: item.sort.word() }
        }
        ([], _) => return None,
        (around, word) => match view.owner(around)? {
            (item, []) if item.sort == Sort::Ablation => Subject::Word(of_ablation(setting, word)?),
            (item, around) => inside(view, item, around, setting, word)?,
        },
    };
    Some((subject, span))
}

/// A word of the body of an ablation.
fn of_ablation(setting: &Setting, word: Word<'_>) -> Option<Choice> {
    let key = &setting.path.keys[0];
    match word {
        Word::Key(0) => named(model::IN_ABLATIONS.to_vec(), key),
        Word::Value(index) if key.value == "show" => match &setting.row[index].value {
            Literal::Name(name) => named(model::shown(), name),
            _ => None,
        },
        _ => None,
    }
}

fn inside<'a>(
    view: View<'a>,
    item: &'a Item,
    around: &[&'a Setting],
    setting: &'a Setting,
    word: Word<'a>,
) -> Option<Subject<'a>> {
    let mut path = steps(around.iter().copied().chain([setting]));
    if let Some(claim) = claim(&path) {
        return Some(Subject::Word(claim));
    }
    let look = view.look(item);
    match word {
        Word::Key(index) => {
            path.truncate(path.len() - (setting.path.keys.len() - 1 - index));
            let field = look.field(&path)?;
            Some(Subject::Setting { item, look, path, field })
        }
        Word::Value(index) => {
            let Spanned { value: Literal::Name(name), .. } = &setting.row[index] else {
                return None;
            };
            match look.field(&path)?.ty.inner() {
                Ty::Slot(slot) => Some(Subject::Kind { kind: slot.kind(name)?, slot: slot.name }),
                Ty::Words(words) => {
                    Some(Subject::Choice(words.iter().find(|word| word.name == name)?))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// `expect`, or a quantity in one.
fn claim(path: &[PathStep<'_>]) -> Option<Choice> {
    let first = path.first()?.key;
    let words = match path.len() {
        1 => model::CLAIMS,
        _ => model::quantities(first),
    };
    named(words.to_vec(), path.last()?.key)
}

fn named(words: Vec<Choice>, name: &str) -> Option<Choice> {
    words.into_iter().find(|word| word.name == name)
}
