//! Text of files that is shown on a terminal.

use std::borrow::Cow;

/// A text in one line and without what a terminal would follow: characters of control are written out, as
/// `\n` and `\u{1b}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return text.into();
    }
    let written = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    text.chars().map(written).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn what_a_terminal_would_follow_is_written_out() {
        assert_eq!(visible("Köter & Ко"), "Köter & Ко");
        assert_eq!(visible("a\u{1b}[2Jb\nc"), "a\\u{1b}[2Jb\\nc");
    }
}
