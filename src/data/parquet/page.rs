//! Pages of a column: where they lie, and what they hold.

use std::fs::File;
use std::io::Read;

use super::super::read_at;
use super::footer::{Chunk, Column, Physical};
use super::levels;
use super::thrift::{self, Value};

/// Bytes of a page at most, packed or not.
const MOST_PAGE: u64 = 512 << 20;
/// Values of a page at most.
const MOST_VALUES: u64 = 1 << 24;
/// How many bytes are read to find the header of a page, and then to find a long one.
const HEAD: [u64; 2] = [16 << 10, 4 << 20];

/// Where a page lies and how it is written.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    at: u64,
    packed: usize,
    unpacked: usize,
    pub values: usize,
    encoding: i64,
    codec: i64,
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
    let size = |id| header.int(id).and_then(|n| u64::try_from(n).ok()).filter(|&n| n <= MOST_PAGE);
    let (unpacked, packed) = (size(2)? as usize, size(3)? as usize);
    let values = |about: &Value| {
        let n = about.int(1).and_then(|n| u64::try_from(n).ok());
        n.filter(|&n| n <= MOST_VALUES).map(|n| n as usize)
    };
    let page = Page {
        at,
        packed,
        unpacked,
        values: 0,
        encoding: 0,
        codec,
        levels: None,
        dictionary: false,
    };
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
            let codec = if plain { 0 } else { codec };
            let (values, encoding) = (values(about)?, about.int(4)?);
            Some(Some(Page { values, encoding, codec, levels: Some(levels), ..page }))
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
        let packed = self.fetch(file)?;
        let early = || "a page that ends early".to_string();
        // Bits that a level takes.
        let width = 32 - column.levels.leading_zeros();
        let (defined, body) = match self.levels {
            Some([defined, repeated]) => {
                let (_, rest) = packed.split_at_checked(repeated).ok_or_else(early)?;
                let (defined, rest) = rest.split_at_checked(defined).ok_or_else(early)?;
                let left = self.unpacked.saturating_sub(defined.len() + repeated);
                (defined.to_vec(), unpack(rest, self.codec, left)?)
            }
            None => {
                let mut body = unpack(&packed, self.codec, self.unpacked)?;
                let mut defined = Vec::new();
                if width > 0 {
                    let (length, rest) = body.split_at_checked(4).ok_or_else(early)?;
                    let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]);
                    let (levels, rest) =
                        rest.split_at_checked(length as usize).ok_or_else(early)?;
                    (defined, body) = (levels.to_vec(), rest.to_vec());
                }
                (defined, body)
            }
        };
        let present: Vec<bool> = match width {
            0 => vec![true; self.values],
            _ => {
                let levels = levels::read(&defined, width, self.values).ok_or_else(early)?;
                levels.into_iter().map(|level| level == column.levels).collect()
            }
        };
        let count = present.iter().filter(|there| **there).count();
        match self.encoding {
            0 => Ok(Plain::read(&body, column.physical, count)?.spread(&present, 0..count)),
            2 | 8 => {
                let words = dictionary.ok_or("a page without its dictionary")?;
                let bytes = unpack(&words.fetch(file)?, words.codec, words.unpacked)?;
                let words = Plain::read(&bytes, column.physical, words.values)?;
                let indices = match count {
                    0 => Vec::new(),
                    _ => {
                        let (&width, runs) = body.split_first().ok_or_else(early)?;
                        levels::read(runs, width.into(), count).ok_or_else(early)?
                    }
                };
                if indices.iter().any(|&i| i as usize >= words.len()) {
                    return Err("a place outside of the dictionary".into());
                }
                Ok(words.spread(&present, indices.into_iter().map(|i| i as usize)))
            }
            other => Err(format!("encoding {other}; plain and dictionary are read")),
        }
    }

    fn fetch(&self, file: &File) -> Result<Vec<u8>, String> {
        let mut bytes = vec![0; self.packed];
        read_at(file, &mut bytes, self.at).map_err(|e| format!("cannot read: {e}"))?;
        Ok(bytes)
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
fn unpack(packed: &[u8], codec: i64, size: usize) -> Result<Vec<u8>, String> {
    let out = match codec {
        0 => packed.to_vec(),
        1 => {
            let says = snap::raw::decompress_len(packed).map_err(|e| e.to_string())?;
            // The densest there is are copies of 64 bytes from three.
            if says != size || says > packed.len().saturating_mul(22) + 64 {
                return Err(format!("a page of {size} bytes that unpacks to {says}"));
            }
            snap::raw::Decoder::new().decompress_vec(packed).map_err(|e| e.to_string())?
        }
        2 => {
            let mut out = Vec::new();
            let reader = flate2::read::MultiGzDecoder::new(packed);
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
