//! The command line: reports, tables, the JSON contract, exit codes.

mod check;
mod process;
mod render;
mod summary;
mod verbs;
