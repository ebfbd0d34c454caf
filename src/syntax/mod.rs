//! Text to tree: the shapes of `.clue` syntax, with recovery at the line.

pub mod ast;
