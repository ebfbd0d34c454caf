//! Byte strings of a column, each read without the rest of its page.
//!
//! Where the strings of a page lie is found out when the first one is asked for: eight bytes a row
//! are kept of it.

use std::fs::File;
use std::sync::{Arc, OnceLock};

use super::footer::Column;
use super::page::{self, EARLY, Page};
use super::unpacked::{Source, Unpacked, Window};

/// Bytes read at once where the lengths of strings are looked for.
const AHEAD: usize = 64 << 10;
/// The place of a row without a string.
const NONE: u32 = u32::MAX;

/// The strings of a column.
#[derive(Debug)]
pub struct Lookup {
    column: Column,
    /// In the order of their rows.
    pages: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    /// Of its first row.
    first: usize,
    page: Page,
    dictionary: Option<Arc<Dictionary>>,
    rows: OnceLock<Result<Rows, String>>,
}

#[derive(Debug)]
struct Dictionary {
    page: Page,
    words: OnceLock<Result<Arc<Words>, String>>,
}

/// Which string a row has.
#[derive(Debug)]
struct Rows {
    words: Arc<Words>,
    places: Vec<u32>,
}

/// Strings one after the other, each behind its length.
#[derive(Debug)]
struct Words {
    bytes: Unpacked,
    /// Where each begins with its length, and where the last one ends.
    starts: Vec<u32>,
}

impl Lookup {
    /// Finds the pages of a column.
    pub fn of(file: &File, column: Column) -> Result<Lookup, String> {
        let (mut out, mut first) = (Vec::new(), 0);
        for chunk in &column.chunks {
            let (dictionary, pages) = page::pages(file, chunk)?;
            let dictionary =
                dictionary.map(|page| Arc::new(Dictionary { page, words: OnceLock::new() }));
            for page in pages {
                let (dictionary, rows) = (dictionary.clone(), OnceLock::new());
                out.push(Place { first, page, dictionary, rows });
                first += page.values;
            }
        }
        Ok(Lookup { column, pages: out })
    }

    /// Does something with the string of a row; nothing where it has none.
    pub fn read<T>(
        &self,
        source: &Source,
        row: usize,
        then: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, String> {
        let after = self.pages.partition_point(|place| place.first <= row);
        let place = after.checked_sub(1).map(|at| &self.pages[at]).ok_or("no such row")?;
        let rows = place.rows.get_or_init(|| Rows::of(source, &self.column, place));
        let rows = rows.as_ref().map_err(String::clone)?;
        match rows.places.get(row - place.first) {
            None => Err("no such row".into()),
            Some(&NONE) => Ok(None),
            Some(&i) => rows.words.read(source, i as usize, then).map(Some),
        }
    }
}

impl Rows {
    fn of(source: &Source, column: &Column, place: &Place) -> Result<Rows, String> {
        match place.page.encoding {
            0 => Rows::plain(source, column, &place.page),
            _ => {
                let words = place.dictionary.as_ref().ok_or("a page without its dictionary")?;
                let words = words.words(source)?;
                let (present, indices) = place.page.indices(&source.file, column)?;
                if indices.iter().any(|&i| i as usize >= words.len()) {
                    return Err("a place outside of the dictionary".into());
                }
                Ok(Rows { words, places: spread(&present, indices.into_iter()) })
            }
        }
    }

    fn plain(source: &Source, column: &Column, page: &Page) -> Result<Rows, String> {
        let (levels, body) = page.split(&source.file)?;
        let bytes = Unpacked::of(source, body)?;
        let (levels, begin) = match levels {
            Some(levels) => (levels, 0),
            // Their length and they stand before the strings, packed with them.
            None if column.levels > 0 => {
                let length = number(&bytes.window(source, 0..4)?, 0).ok_or(EARLY)?;
                let range = 4..4 + length;
                let window = bytes.window(source, range.clone())?;
                (window.get(range.clone()).ok_or(EARLY)?.to_vec(), range.end)
            }
            None => (Vec::new(), 0),
        };
        let present = page.present(column, &levels)?;
        let count = present.iter().filter(|there| **there).count();
        let words = Words::of(source, bytes, begin, count)?;
        Ok(Rows { words: Arc::new(words), places: spread(&present, 0..count as u32) })
    }
}

/// The places of the rows that have a string.
fn spread(present: &[bool], mut places: impl Iterator<Item = u32>) -> Vec<u32> {
    let place = |&there: &bool| if there { places.next().unwrap_or(NONE) } else { NONE };
    present.iter().map(place).collect()
}

impl Dictionary {
    fn words(&self, source: &Source) -> Result<Arc<Words>, String> {
        let words = || {
            let bytes = Unpacked::of(source, self.page.body)?;
            Words::of(source, bytes, 0, self.page.values).map(Arc::new)
        };
        self.words.get_or_init(words).clone()
    }
}

impl Words {
    /// Finds `count` strings.
    fn of(source: &Source, bytes: Unpacked, begin: usize, count: usize) -> Result<Words, String> {
        let (mut at, mut starts) = (begin, vec![begin as u32]);
        let mut window = bytes.window(source, 0..0)?;
        for _ in 0..count {
            if window.get(at..at + 4).is_none() {
                let end = (at + AHEAD).min(bytes.len()).max(at + 4);
                window = bytes.window(source, at..end)?;
            }
            at += 4 + number(&window, at).ok_or(EARLY)?;
            if at > bytes.len() {
                return Err(EARLY.into());
            }
            starts.push(at as u32);
        }
        Ok(Words { bytes, starts })
    }

    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    fn read<T>(
        &self,
        source: &Source,
        i: usize,
        then: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, String> {
        let range = self.starts[i] as usize + 4..self.starts[i + 1] as usize;
        let window = self.bytes.window(source, range.clone())?;
        window.get(range).map(then).ok_or_else(|| EARLY.into())
    }
}

/// The number of four bytes at a place.
fn number(window: &Window, at: usize) -> Option<usize> {
    let bytes = window.get(at..at + 4)?;
    bytes.iter().rev().try_fold(0, |x: usize, &byte| Some(x << 8 | usize::from(byte)))
}
