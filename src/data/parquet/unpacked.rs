//! Bytes of a page as they were before they were packed, a stretch of them at a time.
//!
//! What is not packed is read where it lies. Writers of snappy pack every 64 KiB on their own; where
//! a page is found to be packed so, only those are unpacked that a stretch touches. Other pages are
//! unpacked whole, and the last of them kept.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use super::super::read_at;
use super::kept::Kept;
use super::page::{Body, EARLY};

/// Bytes that snappy's writers pack on their own.
const BLOCK: usize = 1 << 16;
/// Bytes read at once where mostly lengths are wanted.
const AHEAD: u64 = 8 << 10;

/// A file, its number among those of the data set, and what is kept of their pages.
#[derive(Debug)]
pub struct Source {
    pub file: File,
    pub number: usize,
    pub kept: Arc<Kept>,
}

/// How the bytes of a page are had.
#[derive(Debug)]
pub struct Unpacked {
    body: Body,
    store: Store,
}

#[derive(Debug)]
enum Store {
    Plain,
    /// Where packed blocks begin, and where the last one ends.
    Blocks(Vec<u32>),
    Whole,
}

/// Some bytes of a page, from `start` on.
pub struct Window {
    start: usize,
    bytes: Arc<Vec<u8>>,
}

impl Window {
    /// Bytes by their places in the page, if all of them are here.
    pub fn get(&self, range: Range<usize>) -> Option<&[u8]> {
        let [from, to] = [range.start, range.end].map(|at| at.checked_sub(self.start));
        self.bytes.get(from?..to?)
    }
}

impl Unpacked {
    pub fn of(source: &Source, body: Body) -> Result<Unpacked, String> {
        let store = match body.codec {
            0 if body.packed != body.unpacked => {
                let Body { packed, unpacked, .. } = body;
                return Err(format!("a page of {unpacked} bytes that unpacks to {packed}"));
            }
            0 => Store::Plain,
            1 => blocks(&source.file, &body)?.map_or(Store::Whole, Store::Blocks),
            _ => Store::Whole,
        };
        Ok(Unpacked { body, store })
    }

    pub fn len(&self) -> usize {
        self.body.unpacked
    }

    /// At least the bytes of a range.
    pub fn window(&self, source: &Source, range: Range<usize>) -> Result<Window, String> {
        let Body { at, unpacked, .. } = self.body;
        if range.start > range.end || range.end > unpacked {
            return Err(EARLY.into());
        }
        let (start, bytes) = match &self.store {
            _ if range.is_empty() => (range.start, Arc::default()),
            Store::Plain => {
                let bytes = read(&source.file, at + range.start as u64, range.len())?;
                (range.start, Arc::new(bytes))
            }
            Store::Blocks(starts) => {
                let (first, last) = (range.start / BLOCK, range.end.div_ceil(BLOCK));
                let packed = starts[first] as usize..starts[last] as usize;
                let packed = read(&source.file, at + packed.start as u64, packed.len())?;
                let size = (last * BLOCK).min(unpacked) - first * BLOCK;
                (first * BLOCK, Arc::new(unpack_blocks(&packed, size)?))
            }
            Store::Whole => {
                let whole = || self.body.whole(&source.file);
                (0, source.kept.get((source.number, at), unpacked, whole)?)
            }
        };
        Ok(Window { start, bytes })
    }
}

/// Bytes of a file; how many, was held to what it has.
fn read(file: &File, at: u64, length: usize) -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; length];
    read_at(file, &mut bytes, at).map_err(|e| format!("cannot read: {e}"))?;
    Ok(bytes)
}

/// Blocks become a whole by the length that stands before one.
fn unpack_blocks(packed: &[u8], size: usize) -> Result<Vec<u8>, String> {
    let mut whole = Vec::with_capacity(packed.len() + 5);
    let mut rest = size;
    while rest > 0x7f {
        whole.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    whole.push(rest as u8);
    whole.extend_from_slice(packed);
    snap::raw::Decoder::new().decompress_vec(&whole).map_err(|e| e.to_string())
}

/// Where the packed blocks of a page begin, and where the last one ends. None if it has an element
/// that belongs to two of them, or repeats what lies before its own.
fn blocks(file: &File, body: &Body) -> Result<Option<Vec<u32>>, String> {
    let end = body.at + body.packed as u64;
    let mut packed = Forward { file, next: body.at, end, ahead: Vec::new(), used: 0 };
    let says = packed.varint()?;
    if says != body.unpacked as u64 {
        return Err(format!("a page of {} bytes that unpacks to {says}", body.unpacked));
    }
    let (mut starts, mut out) = (Vec::new(), 0);
    while out < body.unpacked {
        let within = out % BLOCK;
        if within == 0 {
            starts.push((packed.place() - body.at) as u32);
        }
        let (length, back) = packed.element()?;
        if back > within || length > BLOCK - within {
            return Ok(None);
        }
        out += length;
    }
    starts.push((packed.place() - body.at) as u32);
    match out == body.unpacked && packed.place() == end {
        true => Ok(Some(starts)),
        false => Err(format!("a page of {} bytes that unpacks to others", body.unpacked)),
    }
}

/// A stretch of a file read forward, of which much is passed over.
struct Forward<'a> {
    file: &'a File,
    /// Where the bytes end that are read ahead, and where all of them do.
    next: u64,
    end: u64,
    ahead: Vec<u8>,
    used: usize,
}

impl Forward<'_> {
    fn place(&self) -> u64 {
        self.next - (self.ahead.len() - self.used) as u64
    }

    fn byte(&mut self) -> Result<u8, String> {
        if self.used == self.ahead.len() {
            let length = self.end.saturating_sub(self.next).min(AHEAD);
            self.ahead = read(self.file, self.next, length as usize)?;
            (self.next, self.used) = (self.next + length, 0);
        }
        let byte = *self.ahead.get(self.used).ok_or(EARLY)?;
        self.used += 1;
        Ok(byte)
    }

    /// A number of so many bytes, the low one first.
    fn number(&mut self, bytes: u8) -> Result<usize, String> {
        (0..bytes).try_fold(0, |x, i| Ok(x | usize::from(self.byte()?) << (8 * i)))
    }

    fn varint(&mut self) -> Result<u64, String> {
        let mut out = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            out |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(out);
            }
        }
        Err(EARLY.into())
    }

    fn pass(&mut self, count: usize) -> Result<(), String> {
        let there = self.ahead.len() - self.used;
        if count <= there {
            self.used += count;
            return Ok(());
        }
        self.next += (count - there) as u64;
        self.used = self.ahead.len();
        if self.next > self.end { Err(EARLY.into()) } else { Ok(()) }
    }

    /// An element of snappy's: how many bytes it unpacks to, and how far back they are copied from; 0
    /// of those that stand here.
    fn element(&mut self) -> Result<(usize, usize), String> {
        let tag = self.byte()?;
        let high = usize::from(tag >> 2);
        match tag & 3 {
            0 => {
                let length = match high {
                    60.. => self.number(high as u8 - 59)?,
                    _ => high,
                };
                self.pass(length + 1)?;
                Ok((length + 1, 0))
            }
            1 => Ok((4 + (high & 7), (high >> 3) << 8 | self.number(1)?)),
            2 => Ok((high + 1, self.number(2)?)),
            _ => Ok((high + 1, self.number(4)?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// Noise, what repeats, and zeros.
    fn bytes(count: usize) -> Vec<u8> {
        let mut state = 1u32;
        let byte = |i: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            [(state >> 24) as u8, (i % 100) as u8, 0][i / 30_000 % 3]
        };
        (0..count).map(byte).collect()
    }

    fn page(packed: &[u8], unpacked: usize, codec: i64) -> (Source, Result<Unpacked, String>) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"before").unwrap();
        file.write_all(packed).unwrap();
        file.write_all(b"after").unwrap();
        let source = Source { file, number: 0, kept: Arc::default() };
        let body = Body { at: 6, packed: packed.len(), unpacked, codec };
        let page = Unpacked::of(&source, body);
        (source, page)
    }

    fn snappy(bytes: &[u8]) -> Vec<u8> {
        snap::raw::Encoder::new().compress_vec(bytes).unwrap()
    }

    fn assert_read(source: &Source, page: &Unpacked, all: &[u8]) {
        assert_eq!(page.len(), all.len());
        for i in 0..200 {
            let from = i * 7919 % all.len();
            let to = (from + i * i * 11).min(all.len());
            let window = page.window(source, from..to).unwrap();
            assert_eq!(window.get(from..to), Some(&all[from..to]));
        }
        assert!(page.window(source, all.len()..all.len() + 1).is_err());
    }

    #[test]
    fn any_stretch_is_read_however_the_page_is_packed() {
        for count in [1, BLOCK, 3 * BLOCK, 500_000] {
            let all = bytes(count);
            let (source, page) = page(&all, count, 0);
            assert_read(&source, &page.unwrap(), &all);
            let (source, page) = self::page(&snappy(&all), count, 1);
            let page = page.unwrap();
            assert!(matches!(page.store, Store::Blocks(_)));
            assert_read(&source, &page, &all);
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), Default::default());
            gzip.write_all(&all).unwrap();
            let (source, page) = self::page(&gzip.finish().unwrap(), count, 2);
            assert_read(&source, &page.unwrap(), &all);
        }
    }

    #[test]
    fn what_is_copied_from_another_block_is_unpacked_whole() {
        // 65 000 noisy bytes, and again: the copies reach over the end of a block.
        let half = bytes(65_000);
        let mut packed = vec![0xd0, 0xf7, 0x07, 61 << 2];
        packed.extend((half.len() as u16 - 1).to_le_bytes());
        packed.extend(&half);
        for _ in 0..65_000 / 50 {
            packed.extend([49 << 2 | 2, 0xe8, 0xfd]);
        }
        let (source, page) = page(&packed, 130_000, 1);
        let page = page.unwrap();
        assert!(matches!(page.store, Store::Whole));
        assert_read(&source, &page, &[&half[..], &half].concat());
    }

    #[test]
    fn a_page_of_snappy_cut_short_is_refused() {
        let all = bytes(200_000);
        let packed = snappy(&all);
        for cut in (0..packed.len()).step_by(1999) {
            assert!(page(&packed[..cut], all.len(), 1).1.is_err(), "{cut}");
        }
        assert!(page(&packed, all.len() + 1, 1).1.is_err());
    }
}
