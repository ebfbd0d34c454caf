//! What stands at a place of a text: the one walk over the tree that all answers begin with.

use crate::syntax::ast::{File, Link, Setting};

/// A word of a setting.
#[derive(Debug, Clone, Copy)]
pub enum Word<'a> {
    /// Of its path, by its index.
    Key(usize),
    /// Of its row, by its index.
    Value(usize),
    /// A name in a relation, by its index.
    Name(&'a Link, usize),
    /// `from`, `@3`, or between words.
    Other,
}

/// A place of a text.
#[derive(Debug, Default)]
pub struct Place<'a> {
    /// The settings whose bodies are around it, the outermost, an item, first.
    pub around: Vec<&'a Setting>,
    /// The setting it stands in, outside its body, and the word there.
    pub here: Option<(&'a Setting, Word<'a>)>,
}

/// What stands at a byte of a text; the end of a word counts as the word.
pub fn at<'a>(file: &'a File, text: &str, byte: usize) -> Place<'a> {
    let mut place = Place::default();
    let mut settings = &file.settings;
    loop {
        let holds =
            |span: crate::diag::Span| (span.start as usize..=span.end as usize).contains(&byte);
        place.here = settings
            .iter()
            .find(|setting| holds(setting.span))
            .map(|setting| (setting, word(setting, &holds)));
        let inside = settings.iter().find_map(|setting| {
            let body = setting.body.as_ref()?;
            let end = body.end as usize;
            // Where its brace is missing, a body ends before the line that shows it.
            let closed = end >= text.len() || text.as_bytes()[end] == b'}';
            let within = body.open.end as usize <= byte && (byte < end || byte == end && closed);
            within.then_some((setting, body))
        });
        match inside {
            Some((setting, body)) if place.here.is_none() => {
                place.around.push(setting);
                settings = &body.settings;
            }
            _ => return place,
        }
    }
}

fn word<'a>(setting: &'a Setting, holds: &dyn Fn(crate::diag::Span) -> bool) -> Word<'a> {
    let key = setting.path.keys.iter().position(|key| holds(key.span)).map(Word::Key);
    let value = || setting.row.iter().position(|value| holds(value.span)).map(Word::Value);
    let name = || {
        setting.links.iter().find_map(|link| {
            let index = link.names.iter().position(|name| holds(name.span))?;
            Some(Word::Name(link, index))
        })
    };
    key.or_else(value).or_else(name).unwrap_or(Word::Other)
}
