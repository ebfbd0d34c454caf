//! The command line: reports, tables, the JSON contract, exit codes.

mod cases;
mod check;
mod needs;
mod process;
mod render;
mod summary;
#[cfg(unix)]
pub mod terminal;
mod verbs;
