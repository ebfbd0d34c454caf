//! The language server, driven as an editor drives it.

mod client;
mod diagnostics;
mod edits;
mod protocol;
