//! The setting that is being typed: its words up to the cursor, from the text alone, as what is not
//! finished yet is not in the tree.

/// Where a cursor stands in a setting that is being typed.
#[derive(Debug, PartialEq, Eq)]
pub struct Typing<'a> {
    /// Complete words before the cursor.
    pub words: Vec<&'a str>,
    /// The word it stands behind, perhaps empty; in a string, what the string says so far.
    pub begun: &'a str,
    pub in_string: bool,
}

/// The words of the setting before a byte of the text; none in a comment.
pub fn typing(text: &str, byte: usize) -> Option<Typing<'_>> {
    let before = text.get(..byte)?;
    let line = before.rfind(['\n', '\r']).map_or(0, |at| at + 1);
    let (mut start, mut string) = (line, None);
    let mut chars = before[line..].char_indices().map(|(at, c)| (line + at, c)).peekable();
    while let Some((at, c)) = chars.next() {
        match (c, string) {
            ('"', Some(_)) => string = None,
            ('\\', Some(_)) => drop(chars.next()),
            (_, Some(_)) => {}
            ('"', None) => string = Some(at),
            ('/', None) if chars.peek().is_some_and(|(_, next)| *next == '/') => return None,
            ('{' | '}' | ';', None) => start = at + 1,
            _ => {}
        }
    }
    let end = string.unwrap_or(byte);
    // A comma ends a name as a blank does.
    let mut words: Vec<&str> =
        before[start..end].split([' ', '\t', ',']).filter(|word| !word.is_empty()).collect();
    let begun = match string {
        Some(quote) => &before[quote + 1..],
        None if before[start..].ends_with([' ', '\t', ',']) => "",
        None => words.pop().unwrap_or(""),
    };
    Some(Typing { words, begun, in_string: string.is_some() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Option<(Vec<&str>, &str, bool)> {
        typing(text, text.len()).map(|t| (t.words, t.begun, t.in_string))
    }

    #[test]
    fn words_of_the_setting_alone() {
        assert_eq!(seen("a 1\n  mixer.gr"), Some((vec![], "mixer.gr", false)));
        assert_eq!(seen("mixer { grid 7x7; he"), Some((vec![], "he", false)));
        assert_eq!(seen("mixer { grid 7x7 } "), Some((vec![], "", false)));
        assert_eq!(seen("fuse "), Some((vec!["fuse"], "", false)));
        assert_eq!(seen("model a with b,c"), Some((vec!["model", "a", "with", "b"], "c", false)));
        assert_eq!(seen("use \"lib/cl"), Some((vec!["use"], "lib/cl", true)));
        assert_eq!(seen("use \"a;{\" "), Some((vec!["use", "\"a;{\""], "", false)));
        assert_eq!(seen("width 3 // gr"), None);
        assert_eq!(seen("/// do"), None);
    }
}
