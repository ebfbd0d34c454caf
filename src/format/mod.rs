//! The canonical form of a text: what `cluec fmt` writes, and an editor on saving.
//!
//! Four blanks a level and one setting a line. A body stays on its line, as `{ a 1; b 2 }`, if it was
//! written so, holds no comment and fits 100 columns; else it is opened. In a *run* of adjacent
//! one-line settings, values start in one column, adjacent integer rows of equal length stand right
//! under each other, and remarks at the end of lines begin together. At most one blank line, none
//! next to braces. Nothing is reordered, every comment is kept, and numbers and strings stay as
//! written. Formatting twice is formatting once.

mod layout;
mod tree;

use crate::diag::{Diags, SourceId, Sources};

/// The canonical form of a source, or the mistakes of its syntax that stand in the way.
pub fn format(sources: &Sources, id: SourceId) -> Result<String, Diags> {
    let (file, diags) = crate::syntax::parse(sources, id);
    if diags.has_errors() {
        return Err(diags);
    }
    Ok(layout::lay_out(tree::read(&sources.get(id).text, &file)))
}
