//! What wrong texts are told. Every `.clue` file here is wrong in one way; the snapshot beside it is
//! the report, word for word.

use crate::text::check_file;
use insta::{assert_snapshot, glob};

#[test]
fn every_wrong_text_is_told_why() {
    glob!("*.clue", |path| {
        let text = check_file(path);
        assert!(!text.diags.0.is_empty(), "nothing is wrong with {}", path.display());
        for diagnostic in &text.diags.0 {
            assert!(!diagnostic.labels.is_empty(), "{diagnostic} has no place");
        }
        assert_snapshot!(text.reports());
    });
}
