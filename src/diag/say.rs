//! Standard error: reports, progress, all that is about an answer.

use std::fmt::Display;
use std::io::{self, Write};

/// Says a line on standard error. What nobody reads, because a pipe is closed or a disk full, is
/// dropped: it ends nothing.
pub fn say(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}
