//! The tree-sitter grammar of `.clue` files, generated from `grammar.js`.

use tree_sitter_language::LanguageFn;

unsafe extern "C" {
    fn tree_sitter_clue() -> *const ();
}

/// The grammar, for `tree_sitter::Parser::set_language`.
pub const LANGUAGE: LanguageFn = unsafe { LanguageFn::from_raw(tree_sitter_clue) };

/// What to color.
pub const HIGHLIGHTS: &str = include_str!("../../queries/highlights.scm");
