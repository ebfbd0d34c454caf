//! Text to tree: the shapes of `.clue` syntax, with recovery at the line.
//!
//! The codes of its mistakes are E01; `diag::codes` says what each means.

pub mod ast;
mod braces;
mod heads;
mod mistakes;
mod parser;
mod plain;
mod selectors;
mod unopened;

pub use parser::{parse, parse_argument};
pub use unopened::never_opened;
