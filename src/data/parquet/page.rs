//! Pages of a column: where they lie, and what they hold.

use std::fs::File;
use std::io::Read;

use super::super::read_at;
use super::footer::{Chunk, Column, Physical};
use super::levels;
use super::thrift::{self, Value};

/// Bytes at most of a page that must be unpacked whole.
const MOST_WHOLE: usize = 1 << 30;
/// How many bytes are read to find the header of a page, and then to find a long one.
const HEAD: [u64; 2] = [16 << 10, 4 << 20];

/// Of a page that has less than it should.
pub const EARLY: &str = "a page that ends early";

/// Packed bytes: where they lie in the file, which has all of them, and what they are said to unpack to.
#[derive(Debug, Clone, Copy)]
pub struct Body {
    pub at: u64,
    pub packed: usize,
    pub unpacked: usize,
    pub codec: i64,
}

/// Where a page lies and how it is written.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    pub body: Body,
    pub values: usize,
    pub encoding: i64,
    /// Levels stand in front: of a known length and never compressed, or of a length that is told.
    levels: Option<[usize; 2]>,
    dictionary: bool,
}

/// What a page of data holds: a value for every row, none where there is none.
pub enum Values {
    Ints(Vec<Option<i64>>),
    Bytes(Vec<Option<Vec<u8>>>),
}

/// Where the pages of a chunk lie: its dictionary, if it has one, and the pages of data.
pub fn pages(file: &File, chunk: &Chunk) -> Result<(Option<Page>, Vec<Page>), String> {
    let (mut dictionary, mut data) = (None, Vec::new());
    let (mut at, mut rows) = (chunk.start, 0);
    while rows < chunk.rows {
        let (page, end) = header(file, at, chunk)?;
        at = end;
        match page {
            Some(page) if page.dictionary => dictionary = Some(page),
            Some(page) => {
                rows += page.values;
                data.push(page);
            }
            None => {}
        }
    }
    match rows == chunk.rows {
        true => Ok((dictionary, data)),
        false => Err(format!("pages of {rows} rows in a group of {}", chunk.rows)),
    }
}

/// The page at a place, if it is one of data or a dictionary, and where the next one begins.
fn header(file: &File, at: u64, chunk: &Chunk) -> Result<(Option<Page>, u64), String> {
    let left = chunk.end.saturating_sub(at);
    for size in HEAD {
        let mut bytes = vec![0; size.min(left) as usize];
        read_at(file, &mut bytes, at).map_err(|e| format!("cannot read: {e}"))?;
        if let Some((value, length)) = thrift::read(&bytes) {
            let at = at + length as u64;
            let damaged = || format!("the header of the page before byte {at} is damaged");
            let page = page(&value, at, chunk.codec).ok_or_else(damaged)?;
            let end = at + value.int(3).unwrap_or(0) as u64;
            if end > chunk.end {
                return Err(format!("the page at byte {at} is longer than its chunk"));
            }
            return Ok((page, end));
        }
        if size >= left {
            break;
        }
    }
    Err(format!("there is no page at byte {at}"))
}

/// None if it is damaged; no page if it is of another sort.
fn page(header: &Value, at: u64, codec: i64) -> Option<Option<Page>> {
    // All of them are of 32 bits.
    let number = |about: &Value, id| about.int(id).and_then(|n| i32::try_from(n).ok());
    let size = |about: &Value, id| number(about, id).and_then(|n| usize::try_from(n).ok());
    let values = |about: &Value| size(about, 1);
    let body = Body { at, packed: size(header, 3)?, unpacked: size(header, 2)?, codec };
    let page = Page { body, values: 0, encoding: 0, levels: None, dictionary: false };
    match header.int(1)? {
        0 => {
            let about = header.field(5)?;
            Some(Some(Page { values: values(about)?, encoding: about.int(2)?, ..page }))
        }
        2 => {
            let about = header.field(7)?;
            let (values, encoding) = (values(about)?, about.int(2)?);
            Some(Some(Page { values, encoding, dictionary: true, ..page }))
        }
        3 => {
            let about = header.field(8)?;
            let length = |id| about.int(id).and_then(|n| usize::try_from(n).ok());
            let levels = [length(5)?, length(6)?];
            let plain = about.field(7) == Some(&Value::Bool(false));
            let body = Body { codec: if plain { 0 } else { codec }, ..body };
            let (values, encoding) = (values(about)?, about.int(4)?);
            Some(Some(Page { body, values, encoding, levels: Some(levels), ..page }))
        }
        _ => Some(None),
    }
}

impl Page {
    /// What a page of data holds.
    pub fn read(
        &self,
        file: &File,
        column: &Column,
        dictionary: Option<&Page>,
    ) -> Result<Values, String> {
        if self.encoding != 0 {
            let words = dictionary.ok_or("a page without its dictionary")?;
            let bytes = words.body.whole(file)?;
            let words = Plain::read(&bytes, column.physical, words.values)?;
            let (present, indices) = self.indices(file, column)?;
            if indices.iter().any(|&i| i as usize >= words.len()) {
                return Err("a place outside of the dictionary".into());
            }
            return Ok(words.spread(&present, indices.into_iter().map(|i| i as usize)));
        }
        let (present, body) = self.parts(file, column)?;
        let count = present.iter().filter(|there| **there).count();
        Ok(Plain::read(&body, column.physical, count)?.spread(&present, 0..count))
    }

    /// Of a page of places in a dictionary: which rows have a value, and those that do, which.
    pub fn indices(&self, file: &File, column: &Column) -> Result<(Vec<bool>, Vec<u32>), String> {
        if !matches!(self.encoding, 2 | 8) {
            return Err(format!("encoding {}; plain and dictionary are read", self.encoding));
        }
        let (present, body) = self.parts(file, column)?;
        let count = present.iter().filter(|there| **there).count();
        let indices = match count {
            0 => Vec::new(),
            _ => {
                let (&width, runs) = body.split_first().ok_or(EARLY)?;
                levels::read(runs, width.into(), count).ok_or(EARLY)?
            }
        };
        Ok((present, indices))
    }

    /// Which rows have a value, and the bytes of the values.
    fn parts(&self, file: &File, column: &Column) -> Result<(Vec<bool>, Vec<u8>), String> {
        let (levels, body) = self.split(file)?;
        let mut body = body.whole(file)?;
        let levels = match levels {
            None if column.levels > 0 => {
                let (length, rest) = body.split_at_checked(4).ok_or(EARLY)?;
                let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]);
                let (levels, rest) = rest.split_at_checked(length as usize).ok_or(EARLY)?;
                let levels = levels.to_vec();
                body = rest.to_vec();
                levels
            }
            levels => levels.unwrap_or_default(),
        };
        Ok((self.present(column, &levels)?, body))
    }

    /// The levels that stand in front and are never packed, if they do, and what is behind them.
    pub fn split(&self, file: &File) -> Result<(Option<Vec<u8>>, Body), String> {
        let Body { at, packed, unpacked, codec } = self.body;
        let Some([defined, repeated]) = self.levels else { return Ok((None, self.body)) };
        let length = defined.checked_add(repeated).filter(|&n| n <= packed).ok_or(EARLY)?;
        let levels =
            Body { at: at + repeated as u64, packed: defined, unpacked: defined, codec: 0 };
        let (packed, unpacked) = (packed - length, unpacked.saturating_sub(length));
        let body = Body { at: at + length as u64, packed, unpacked, codec };
        Ok((Some(levels.whole(file)?), body))
    }

    /// Which rows have a value.
    pub fn present(&self, column: &Column, levels: &[u8]) -> Result<Vec<bool>, String> {
        // Bits that a level takes.
        let width = 32 - column.levels.leading_zeros();
        if width == 0 {
            return Ok(vec![true; self.values]);
        }
        let levels = levels::read(levels, width, self.values).ok_or(EARLY)?;
        Ok(levels.into_iter().map(|level| level == column.levels).collect())
    }
}

impl Body {
    /// All of its bytes, unpacked.
    pub fn whole(&self, file: &File) -> Result<Vec<u8>, String> {
        if self.unpacked > MOST_WHOLE {
            return Err(format!(
                "a page of {} bytes is too large: {MOST_WHOLE} at most where it must be unpacked \
                 whole; write it in smaller row groups, or without compression",
                self.unpacked
            ));
        }
        let mut packed = vec![0; self.packed];
        read_at(file, &mut packed, self.at).map_err(|e| format!("cannot read: {e}"))?;
        unpack(packed, self.codec, self.unpacked)
    }
}

/// Values one after the other.
enum Plain<'a> {
    Ints(Vec<i64>),
    Bytes(Vec<&'a [u8]>),
}

impl<'a> Plain<'a> {
    fn read(bytes: &'a [u8], physical: Physical, count: usize) -> Result<Plain<'a>, String> {
        let plain = match physical {
            Physical::Int32 => ints::<4>(bytes, count).map(Plain::Ints),
            Physical::Int64 => ints::<8>(bytes, count).map(Plain::Ints),
            Physical::Bytes => strings(bytes, count).map(Plain::Bytes),
            Physical::Other => return Err("a column of another sort".into()),
        };
        plain.ok_or_else(|| "a page that ends early".into())
    }

    fn len(&self) -> usize {
        match self {
            Plain::Ints(all) => all.len(),
            Plain::Bytes(all) => all.len(),
        }
    }

    /// The values at `places`, one for every row that has one.
    fn spread(&self, present: &[bool], mut places: impl Iterator<Item = usize>) -> Values {
        let mut place = |there: bool| if there { places.next() } else { None };
        match self {
            Plain::Ints(all) => {
                let value = |there: &bool| place(*there).map(|i| all[i]);
                Values::Ints(present.iter().map(value).collect())
            }
            Plain::Bytes(all) => {
                let value = |there: &bool| place(*there).map(|i| all[i].to_vec());
                Values::Bytes(present.iter().map(value).collect())
            }
        }
    }
}

/// Whole numbers of `N` bytes.
fn ints<const N: usize>(bytes: &[u8], count: usize) -> Option<Vec<i64>> {
    let bytes = bytes.get(..count.checked_mul(N)?)?;
    let value = |word: &[u8]| {
        // With its sign: the high byte first, then shifted in place.
        let word = word.iter().rev().fold(0u64, |x, &byte| x << 8 | u64::from(byte));
        (word << (64 - 8 * N)) as i64 >> (64 - 8 * N)
    };
    Some(bytes.chunks(N).map(value).collect())
}

/// Byte strings, each behind its length.
fn strings(bytes: &[u8], count: usize) -> Option<Vec<&[u8]>> {
    let mut out = Vec::new();
    let mut rest = bytes;
    for _ in 0..count {
        let (length, after) = rest.split_at_checked(4)?;
        let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]);
        let (value, after) = after.split_at_checked(length as usize)?;
        out.push(value);
        rest = after;
    }
    Some(out)
}

/// `size` bytes out of fewer.
fn unpack(packed: Vec<u8>, codec: i64, size: usize) -> Result<Vec<u8>, String> {
    let out = match codec {
        0 => packed,
        1 => {
            let says = snap::raw::decompress_len(&packed).map_err(|e| e.to_string())?;
            // The densest there is are copies of 64 bytes from three.
            if says != size || says > packed.len().saturating_mul(22) + 64 {
                return Err(format!("a page of {size} bytes that unpacks to {says}"));
            }
            snap::raw::Decoder::new().decompress_vec(&packed).map_err(|e| e.to_string())?
        }
        2 => {
            // Nothing is packed denser.
            if size > packed.len().saturating_mul(1032) + 64 {
                return Err(format!("a page of {size} bytes out of {} packed ones", packed.len()));
            }
            let mut out = Vec::with_capacity(size);
            let reader = flate2::read::MultiGzDecoder::new(&packed[..]);
            reader.take(size as u64 + 1).read_to_end(&mut out).map_err(|e| e.to_string())?;
            out
        }
        other => {
            let name =
                ["lzo", "brotli", "lz4", "zstd", "lz4_raw"].get((other as usize).wrapping_sub(3));
            let name = name.unwrap_or(&"unknown");
            return Err(format!("compression {name}; none, snappy and gzip are read"));
        }
    };
    match out.len() == size {
        true => Ok(out),
        false => Err(format!("a page of {size} bytes that unpacks to {}", out.len())),
    }
}
