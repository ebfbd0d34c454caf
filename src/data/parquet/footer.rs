//! What a Parquet file says of itself: columns, where their chunks lie, and notes.

use std::fs::File;

use super::super::read_at;
use super::thrift::{self, Value};

/// Bytes of a footer at most.
const MOST_FOOTER: u64 = 64 << 20;
/// Rows of a file at most.
const MOST_ROWS: i64 = 1 << 26;

/// The footer of a file.
#[derive(Debug)]
pub struct Footer {
    pub rows: usize,
    pub columns: Vec<Column>,
    /// The note that Hugging Face's `datasets` leaves: its features, as JSON.
    pub features: Option<serde_json::Value>,
}

/// A column, row group by row group.
#[derive(Debug)]
pub struct Column {
    /// `["image", "bytes"]`.
    pub path: Vec<String>,
    pub physical: Physical,
    /// What a value's definition level is where it is there.
    pub levels: u32,
    pub chunks: Vec<Chunk>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Physical {
    Int32,
    Int64,
    Bytes,
    Other,
}

/// A column in a row group.
#[derive(Debug, Clone, Copy)]
pub struct Chunk {
    /// Where its pages begin and end.
    pub start: u64,
    pub end: u64,
    pub rows: usize,
    pub codec: i64,
}

impl Footer {
    pub fn read(file: &File) -> Result<Footer, String> {
        let io = |e: std::io::Error| format!("cannot read: {e}");
        let length = file.metadata().map_err(io)?.len();
        let mut tail = [0; 8];
        let fail = "not a Parquet file: it does not end in `PAR1`";
        read_at(file, &mut tail, length.checked_sub(12).ok_or(fail)? + 4).map_err(io)?;
        let [a, b, c, d, mark @ ..] = tail;
        if mark != *b"PAR1" {
            return Err(fail.into());
        }
        let size = u64::from(u32::from_le_bytes([a, b, c, d]));
        if size > MOST_FOOTER || size > length - 12 {
            return Err(format!("a footer of {size} bytes, which the file can not hold"));
        }
        let mut bytes = vec![0; size as usize];
        read_at(file, &mut bytes, length - 8 - size).map_err(io)?;
        let (value, _) = thrift::read(&bytes).ok_or("its footer is damaged")?;
        Footer::of(&value, length)
    }

    fn of(value: &Value, length: u64) -> Result<Footer, String> {
        let mut columns = leaves(value.list(2)).ok_or("its footer has no columns in order")?;
        let mut rows = 0i64;
        for group in value.list(4) {
            let count = group.int(3).filter(|n| (0..=MOST_ROWS).contains(n));
            let count = count.ok_or("a row group without its number of rows")?;
            rows += count;
            if rows > MOST_ROWS {
                return Err(format!("more than {MOST_ROWS} rows"));
            }
            // An image takes more than a byte: what is reserved for rows is held to what is there.
            if rows as u64 > length {
                return Err(format!(
                    "{rows} rows of images, which a file of {length} bytes can not hold"
                ));
            }
            let chunks = group.list(1);
            if chunks.len() != columns.len() {
                return Err(format!("{} chunks for {} columns", chunks.len(), columns.len()));
            }
            for (column, chunk) in columns.iter_mut().zip(chunks) {
                let chunk = chunk_of(chunk, count as usize, length);
                column.chunks.push(chunk.ok_or("a chunk that lies outside of the file")?);
            }
        }
        let note = value.list(5).iter().find(|note| note.text(1) == Some("huggingface"));
        let note = note.and_then(|note| serde_json::from_slice(note.bytes(2)?).ok());
        let features = note.and_then(|note: serde_json::Value| {
            note.get("info").and_then(|info| info.get("features")).cloned()
        });
        Ok(Footer { rows: rows as usize, columns, features })
    }
}

fn chunk_of(chunk: &Value, rows: usize, length: u64) -> Option<Chunk> {
    let about = chunk.field(3)?;
    let data = about.int(9)?;
    // Old writers say 0 where there is no dictionary.
    let start = about.int(11).filter(|&at| at > 0 && at < data).unwrap_or(data);
    let (start, size) = (u64::try_from(start).ok()?, u64::try_from(about.int(7)?).ok()?);
    let end = start.checked_add(size).filter(|&end| end <= length)?;
    Some(Chunk { start, end, rows, codec: about.int(4)? })
}

/// The columns of a schema: its leaves, depth first. What may repeat within a row is passed over by
/// giving it a sort that nobody reads.
fn leaves(schema: &[Value]) -> Option<Vec<Column>> {
    let mut columns = Vec::new();
    // Groups we are in: how many members are still to come, name, levels, whether it repeats.
    let mut groups: Vec<(i64, String, u32, bool)> = Vec::new();
    let (root, members) = schema.split_first()?;
    groups.push((root.int(5)?, String::new(), 0, false));
    for element in members {
        while groups.last()?.0 == 0 {
            groups.pop();
        }
        let (left, _, levels, repeats) = groups.last_mut()?;
        *left -= 1;
        let repetition = element.int(3).unwrap_or(0);
        let levels = *levels + u32::from(repetition != 0);
        let repeats = *repeats || repetition == 2;
        let name = String::from_utf8_lossy(element.bytes(4)?).into_owned();
        match element.int(5).filter(|&n| n > 0) {
            Some(_) if groups.len() > 30 => return None,
            Some(n) => groups.push((n, name, levels, repeats)),
            None => {
                let mut path: Vec<String> =
                    groups[1..].iter().map(|(_, name, ..)| name.clone()).collect();
                path.push(name);
                let physical = match element.int(1) {
                    _ if repeats => Physical::Other,
                    Some(1) => Physical::Int32,
                    Some(2) => Physical::Int64,
                    Some(6) => Physical::Bytes,
                    _ => Physical::Other,
                };
                columns.push(Column { path, physical, levels, chunks: Vec::new() });
            }
        }
    }
    Some(columns)
}
