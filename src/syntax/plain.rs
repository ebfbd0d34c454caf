//! Values as other languages write them, put as they are written here.

/// `[1, 2, 2]` is `1 2 2`, `(32, 32)` and `32×32` are `32x32`, `4, head_width 16` is
/// `4; head_width 16`, `'a'` is `"a"`.
pub fn plain(value: &str) -> String {
    let value = value.trim().trim_end_matches([',', ' ']);
    let (inner, round) = unwrapped(value);
    let parts: Vec<&str> = inner.split(',').map(str::trim).filter(|p| !p.is_empty()).collect();
    let whole = |part: &&str| part.bytes().all(|b| b.is_ascii_digit());
    if let ([rows, columns], true) = (&parts[..], round)
        && parts.iter().all(whole)
    {
        return format!("{rows}x{columns}");
    }
    let mut line = String::new();
    for part in parts {
        if !line.is_empty() {
            line.push_str(if is_setting(part) { "; " } else { " " });
        }
        let (part, _) = unwrapped(part);
        let words: Vec<String> = part.split_whitespace().map(word).collect();
        line.push_str(&words.join(" "));
    }
    line
}

/// Without the brackets around it, and whether they are round.
fn unwrapped(value: &str) -> (&str, bool) {
    let within = |open, close| value.strip_prefix(open)?.strip_suffix(close);
    match (within('(', ')'), within('[', ']')) {
        (Some(inner), _) => (inner.trim(), true),
        (_, Some(inner)) => (inner.trim(), false),
        _ => (value, false),
    }
}

/// `head_width 16`: a key and what it is given.
fn is_setting(part: &str) -> bool {
    let key = part.starts_with(|c: char| c.is_ascii_alphabetic());
    key && part.split_whitespace().nth(1).is_some()
}

fn word(word: &str) -> String {
    if let Some(text) = word.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return format!("\"{text}\"");
    }
    let sides: Vec<&str> = word.split(['X', '×', '*']).collect();
    let number = |side: &&str| !side.is_empty() && side.bytes().all(|b| b.is_ascii_digit());
    match sides.len() > 1 && sides.iter().all(number) {
        true => sides.join("x"),
        false => word.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn values_of_other_languages() {
        for (theirs, ours) in [
            ("[1, 2, 2]", "1 2 2"),
            ("(32,32)", "32x32"),
            ("[(4, 4), (2, 2)]", "(4 4) (2 2)"),
            ("(0.5, 0.5, 0.5)", "0.5 0.5 0.5"),
            ("4, head_width 16", "4; head_width 16"),
            ("1, 2,", "1 2"),
            ("4X4", "4x4"),
            ("4×4 2*2", "4x4 2x2"),
            ("'a'", "\"a\""),
            ("24", "24"),
        ] {
            assert_eq!(plain(theirs), ours);
        }
    }
}
