//! Bytes of files to text.

use std::io::{Error, ErrorKind, Result};
use std::path::Path;

/// The text of a file.
pub fn read_file(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(|error| match error.kind() {
        ErrorKind::IsADirectory => Error::new(error.kind(), "it is a folder"),
        _ => error,
    });
    decode(bytes?)
}

/// UTF-8 text, without the mark of its encoding that some editors begin a file with.
pub fn decode(mut bytes: Vec<u8>) -> Result<String> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].iter().filter(|&&byte| byte == b'\n').count() + 1;
        Error::new(ErrorKind::InvalidData, format!("line {line} is not UTF-8 text (byte {at})"))
    })
}
