//! Typed values and the trees they stand in.

use super::{Kind, Ty};
use crate::diag::{Span, Spanned};
use crate::syntax::ast::{Literal, Number};
use std::collections::BTreeMap;
use std::fmt;

/// What a setting was set to.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Number(f64),
    Size([usize; 2]),
    Switch(bool),
    Word(&'static str),
    Text(String),
    Numbers(Vec<f64>),
    Texts(Vec<String>),
    Range(f64, f64),
    Off,
    Tree(Tree),
}

/// A kind and what was said inside it.
#[derive(Debug, Clone)]
pub struct Tree {
    pub kind: &'static Kind,
    /// Where the kind was named; none if it stands by default.
    pub said: Option<Span>,
    /// The kind is what a wrong name was taken for: what it lacks is no mistake.
    pub guessed: bool,
    pub fields: BTreeMap<&'static str, Spanned<Value>>,
}

impl Tree {
    pub fn new(kind: &'static Kind, said: Option<Span>) -> Tree {
        Tree { kind, said, guessed: false, fields: BTreeMap::new() }
    }
}

/// Trees are equal if they say the same; where they say it does not matter.
impl PartialEq for Tree {
    fn eq(&self, other: &Tree) -> bool {
        self.kind.name == other.kind.name
            && self.fields.len() == other.fields.len()
            && self
                .fields
                .iter()
                .zip(&other.fields)
                .all(|((ka, a), (kb, b))| ka == kb && a.value == b.value)
    }
}

/// As it would be written (of a tree only its kind).
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number(n) => write!(f, "{n}"),
            Value::Size([rows, columns]) => write!(f, "{rows}x{columns}"),
            Value::Switch(on) => f.write_str(if *on { "on" } else { "off" }),
            Value::Word(word) => f.write_str(word),
            Value::Text(text) => f.write_str(&quoted(text)),
            Value::Texts(texts) => {
                let words: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
                f.write_str(&words.join(" "))
            }
            Value::Numbers(numbers) => {
                let words: Vec<String> = numbers.iter().map(f64::to_string).collect();
                f.write_str(&words.join(" "))
            }
            Value::Range(low, high) => write!(f, "{low}..{high}"),
            Value::Off => f.write_str("off"),
            Value::Tree(tree) => f.write_str(tree.kind.name),
        }
    }
}

/// A text as the language reads it, with the four escapes it knows.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out + "\""
}

/// A literal from its text: for defaults, which are written as a user would.
pub(super) fn literal(text: &str) -> Literal {
    let sides: Vec<Option<usize>> = text.split('x').map(|side| side.parse().ok()).collect();
    if sides.len() > 1
        && let Some(sides) = sides.into_iter().collect()
    {
        return Literal::Size(sides);
    }
    if let Some((low, high)) = text.split_once("..")
        && let (Some(low), Some(high)) = (number(low), number(high))
    {
        return Literal::Range(low, high);
    }
    number(text).map_or_else(|| Literal::Name(text.to_string()), Literal::Number)
}

fn number(text: &str) -> Option<Number> {
    let (digits, unit) = match text.strip_suffix('%') {
        Some(digits) => (digits, "%"),
        None => (text, ""),
    };
    let value = digits.parse().ok()?;
    Some(Number { digits: digits.to_string(), value, unit: unit.to_string() })
}

impl Ty {
    /// A tree of the only kind this could be, without naming it.
    pub fn implicit(&self) -> Option<&'static Kind> {
        match self.inner() {
            Ty::Group(kind) => Some(kind),
            Ty::Slot(slot) => slot.single(),
            _ => None,
        }
    }
}
