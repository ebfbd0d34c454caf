//! Tables, and how much room there is for them.

pub use crate::diag::table::{Side, Table, hanging, wrapped};
use std::io::IsTerminal;

/// Columns of the terminal that standard output goes to; none if it goes elsewhere.
pub fn room() -> Option<usize> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    terminal_size::terminal_size().map(|(width, _)| width.0 as usize)
}
