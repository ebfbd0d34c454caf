//! Text to tree: the shapes of `.clue` syntax, with recovery at the line.
//!
//! Codes: E0101 `=`, E0102 `:`, E0103 comma, E0104 loose size, E0105 `#`, E0106 number without a
//! first digit, E0107 open string, E0108 setting after `}`, E0109 doc comment at the end of a line,
//! E0110 `{` on a line of its own, E0111 `}` that closes nothing, E0112 body never closed, E0113
//! number too large, E0114 unknown escape, E0115 too deep or too long, E0116 drawing and computing
//! outside a search, E0117 selector inside a path, E0118 a doc comment that documents nothing, E0119
//! anything else.

pub mod ast;
mod braces;
mod mistakes;
mod parser;

pub use parser::{parse, parse_argument};
