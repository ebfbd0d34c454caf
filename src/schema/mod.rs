//! What can be said: kinds with their settings, slots with their kinds, and typed values.
//!
//! A kind is declared once, with `block!`, as a plain struct whose fields carry doc,
//! type and default; the schema that checks text, and the reader that fills the struct, follow from
//! it. The schema knows no layers and no stages: those are the model's business.

mod macros;
mod settings;
mod value;

pub(crate) use macros::{block, choice, slot};
pub use settings::{
    Amount, Color, Count, Epochs, Fraction, From8, MOST, MOST_OF_A_SIDE, Part, Parts, PathText,
    Patterns, Pixels, Positive, Range, Rate, Scales, Setting, UpTo100, Whole, scaled,
};
pub use value::{Tree, Value};

use crate::diag::{Span, Spanned};
use crate::syntax::ast::Literal;

/// A kind of a slot: what it is called, what it means, what can be set in it.
#[derive(Debug)]
pub struct Kind {
    pub name: &'static str,
    pub doc: &'static str,
    pub fields: &'static [Field],
}

/// A setting of a kind.
#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    pub doc: &'static str,
    pub ty: Ty,
    /// As it would be written; none if it must be said.
    pub default: Option<&'static str>,
}

/// What a setting takes.
#[derive(Debug, Clone, Copy)]
pub enum Ty {
    /// One value (or a fixed number of them, in a row), read by the function.
    Plain {
        /// "a whole number from 1 up".
        expected: &'static str,
        /// How many literals make one value; [`MANY`] where that is not fixed.
        arity: usize,
        parse: Parse,
    },
    /// A path in quotes, relative to the file that says it.
    Path,
    /// One of these words.
    Words(&'static [Word]),
    /// A kind with settings of its own.
    Slot(&'static Slot),
    /// Settings without a kind.
    Group(&'static Kind),
    /// Any of these, or `off`.
    Off(&'static Ty),
}

/// Reads the literals of one value.
pub type Parse = fn(&[Literal]) -> Option<Value>;

/// The arity of a value made of any number of literals.
pub const MANY: usize = usize::MAX;

/// A word a setting takes.
#[derive(Debug, Clone, Copy)]
pub struct Word {
    pub name: &'static str,
    /// Empty where the word says it all.
    pub doc: &'static str,
}

/// A place for a kind.
#[derive(Debug)]
pub struct Slot {
    pub name: &'static str,
    pub doc: &'static str,
    pub kinds: &'static [&'static Kind],
}

impl Kind {
    /// The same kind: one constant may have several addresses.
    pub fn is(&self, other: &Kind) -> bool {
        self.name == other.name && self.doc == other.doc
    }

    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|f| f.name == name)
    }

    pub fn field_names(&self) -> Vec<&'static str> {
        self.fields.iter().map(|f| f.name).collect()
    }
}

impl Slot {
    pub fn kind(&self, name: &str) -> Option<&'static Kind> {
        self.kinds.iter().copied().find(|k| k.name == name)
    }

    /// Settings without a name for their kind, as a recipe has.
    pub fn single(&self) -> Option<&'static Kind> {
        match self.kinds {
            [kind] if kind.name == self.name => Some(kind),
            _ => None,
        }
    }
}

impl Ty {
    /// Without its `off`.
    pub fn inner(&self) -> &Ty {
        match self {
            Ty::Off(inner) => inner,
            ty => ty,
        }
    }

    pub fn takes_off(&self) -> bool {
        matches!(self, Ty::Off(_))
    }

    /// How many literals one value has.
    pub fn arity(&self) -> usize {
        match self.inner() {
            Ty::Plain { arity, .. } => *arity,
            _ => 1,
        }
    }

    /// For messages: "a size such as 7x7, or off".
    pub fn expected(&self) -> String {
        match self {
            Ty::Plain { expected, .. } => (*expected).to_string(),
            Ty::Path => "a path in quotes".to_string(),
            Ty::Words(words) => crate::diag::list(&names(words), "or"),
            Ty::Slot(slot) => {
                crate::diag::list(&slot.kinds.iter().map(|k| k.name).collect::<Vec<_>>(), "or")
            }
            Ty::Group(_) => "settings in braces".to_string(),
            Ty::Off(Ty::Words(words)) => choice(&names(words)),
            Ty::Off(Ty::Slot(slot)) => {
                choice(&slot.kinds.iter().map(|k| k.name).collect::<Vec<_>>())
            }
            Ty::Off(inner) => format!("{}, or off", inner.expected()),
        }
    }

    /// A plain value or word; slots and groups are built by whoever knows the items.
    pub fn parse(&self, literals: &[Literal]) -> Option<Value> {
        match self {
            Ty::Off(_) if is_off(literals) => Some(Value::Off),
            Ty::Off(inner) => inner.parse(literals),
            Ty::Plain { arity, parse, .. } if fits(literals.len(), *arity) => parse(literals),
            Ty::Path => match literals {
                [Literal::Text(text)] => Some(Value::Text(text.clone())),
                _ => None,
            },
            Ty::Words(words) => match literals {
                [Literal::Name(name)] => {
                    words.iter().find(|w| w.name == name).map(|w| Value::Word(w.name))
                }
                _ => None,
            },
            _ => None,
        }
    }
}

/// Whether so many literals can be one value.
pub fn fits(literals: usize, arity: usize) -> bool {
    literals == arity || arity == MANY && literals > 0
}

pub fn names(words: &[Word]) -> Vec<&'static str> {
    words.iter().map(|word| word.name).collect()
}

/// `off, fixed or gate`.
fn choice(words: &[&str]) -> String {
    crate::diag::list(&[&["off"], words].concat(), "or")
}

/// The row is the word `off`.
pub fn is_off(literals: &[Literal]) -> bool {
    matches!(literals, [Literal::Name(name)] if name == "off")
}

/// A setting that must be said, and was not.
#[derive(Debug, Clone, Copy)]
pub struct Missing {
    /// What lacks it: where its kind was named, or the model.
    pub span: Span,
    pub kind: &'static str,
    pub field: &'static Field,
}

/// Fills kinds' structs from trees; collects what is missing.
pub struct Reader<'a> {
    /// The name of the model that needs the settings.
    pub owner: Span,
    pub missing: Vec<Missing>,
    /// Nothing to say twice: a missing setting that was given, but wrongly.
    pub silent: &'a dyn Fn(&str) -> bool,
}

impl Reader<'_> {
    /// The setting `name` of `tree`, or its default; collects it if it is missing.
    pub fn setting<T: Setting>(&mut self, tree: &Tree, name: &'static str) -> Option<Spanned<T>> {
        let field = tree.kind.field(name)?;
        if let Some(said) = tree.fields.get(name) {
            let value = T::read(&said.value, self)?;
            return Some(Spanned::new(value, said.span));
        }
        let span = tree.said.unwrap_or(self.owner);
        match default_of(field) {
            Some(value) => Some(Spanned::new(T::read(&value, self)?, span)),
            None => {
                if !(self.silent)(name) && !tree.guessed {
                    self.missing.push(Missing { span, kind: tree.kind.name, field });
                }
                None
            }
        }
    }
}

/// The value of a setting that was not said.
pub fn default_of(field: &Field) -> Option<Value> {
    if let Ty::Group(kind) = field.ty {
        return Some(Value::Tree(Tree::new(kind, None)));
    }
    let text = field.default?;
    if text == "off" && field.ty.takes_off() {
        return Some(Value::Off);
    }
    match field.ty.inner() {
        Ty::Slot(slot) => slot.kind(text).map(|kind| Value::Tree(Tree::new(kind, None))),
        Ty::Group(kind) => Some(Value::Tree(Tree::new(kind, None))),
        ty => {
            let literals: Vec<Literal> = text.split(' ').map(value::literal).collect();
            ty.parse(&literals)
        }
    }
}
