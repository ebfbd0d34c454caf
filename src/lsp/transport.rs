//! Messages over a pipe: a header that says how long a message is, then its JSON.
//!
//! What is no message is passed over: reading goes on at the next header. (The reader
//! of the crate `lsp-server` ends at the first message that is no JSON, and believes any length.)

use gen_lsp_types::json_rpc::RequestObject;
use serde::Serialize;
use serde_json::Value;
use std::io::{BufRead, Read, Result, Write};

/// Longer messages than any text that is read, escaped and all.
const MAX_BYTES: usize = 64 << 20;

const LENGTH: &str = "content-length:";

/// Longer lines are no header.
const MAX_HEADER: u64 = 4 << 10;

/// What was read.
#[derive(Debug)]
pub enum Incoming {
    /// A request, or a notification, which has no id. (A response has no method.)
    Message(RequestObject),
    /// JSON, but no message.
    NoMessage(String),
    /// No JSON, or no header.
    NoJson(String),
}

/// The next message; none at the end.
pub fn read(input: &mut dyn BufRead) -> Result<Option<Incoming>> {
    let Some(header) = read_header(input)? else { return Ok(None) };
    let length = match header {
        Ok(length) => length,
        Err(line) => return Ok(Some(Incoming::NoJson(format!("`{line}` is no header")))),
    };
    let mut body = Vec::new();
    if input.take(length as u64).read_to_end(&mut body)? < length {
        return Ok(None);
    }
    Ok(Some(match serde_json::from_slice::<Value>(&body) {
        Err(error) => Incoming::NoJson(error.to_string()),
        Ok(value) => match serde_json::from_value(value) {
            Ok(message) => Incoming::Message(message),
            Err(error) => Incoming::NoMessage(error.to_string()),
        },
    }))
}

/// The length a header announces, or a line that belongs to no header.
fn read_header(input: &mut dyn BufRead) -> Result<Option<std::result::Result<usize, String>>> {
    let mut length = None;
    loop {
        let mut line = Vec::new();
        if input.take(MAX_HEADER).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim();
        let lower = line.to_ascii_lowercase();
        // The remains of a message that was not read as one may stand before it.
        if let Some(at) = lower.rfind(LENGTH) {
            match line[at + LENGTH.len()..].trim().parse() {
                Ok(bytes) if bytes <= MAX_BYTES => length = Some(bytes),
                _ => return Ok(Some(Err(line.to_string()))),
            }
            continue;
        }
        match length {
            Some(length) if line.is_empty() => return Ok(Some(Ok(length))),
            // Blank lines between messages do no harm.
            None if line.is_empty() => {}
            _ if lower.starts_with("content-type:") => {}
            _ => return Ok(Some(Err(line.to_string()))),
        }
    }
}

pub fn write(out: &mut dyn Write, message: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string(message)?;
    write!(out, "Content-Length: {}\r\n\r\n{text}", text.len())?;
    out.flush()
}
