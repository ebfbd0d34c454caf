//! Values as other languages write them, put as they are written here.

use crate::diag::Reading;

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
    let inner = sizes(inner);
    let mut line = String::new();
    for part in inner.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        if !line.is_empty() {
            line.push_str(if is_setting(part) { "; " } else { " " });
        }
        let words: Vec<String> = part.split_whitespace().map(word).collect();
        line.push_str(&words.join(" "));
    }
    line
}

/// What a value may be as well.
#[derive(Debug, PartialEq)]
pub struct Other {
    pub row: String,
    pub reads: Reading,
}

/// Two whole numbers in brackets may be a size as well as a row, and `2*4` a number as well as a size:
/// what [`plain`] does not take them for.
pub fn other(value: &str) -> Option<Other> {
    if let Some(row) = product(value) {
        return Some(Other { row, reads: Reading::Numbers });
    }
    let meant = plain(value);
    let inner = unwrapped(value.trim()).0;
    let is_pair = inner.len() < value.trim().len() && inner.split(',').count() == 2;
    let numbers = meant.split([' ', 'x']).all(|n| n.bytes().all(|b| b.is_ascii_digit()));
    (is_pair && numbers).then(|| match meant.contains('x') {
        true => Other { row: meant.replace('x', " "), reads: Reading::Numbers },
        false => Other { row: meant.replace(' ', "x"), reads: Reading::Size },
    })
}

/// `2*4 3` is `8 3`.
fn product(value: &str) -> Option<String> {
    let factors = |word: &str| -> Option<String> {
        let factors = word.split('*').map(|factor| factor.parse().ok());
        let product = factors.reduce(|all, next| u64::checked_mul(all?, next?))??;
        Some(product.to_string())
    };
    let numbers = value.split_whitespace().map(factors).collect::<Option<Vec<String>>>()?;
    value.contains('*').then(|| numbers.join(" "))
}

/// Without the brackets around it, and whether they are round.
fn unwrapped(value: &str) -> (&str, bool) {
    let within = |open, close| value.strip_prefix(open)?.strip_suffix(close);
    let one = |inner: &&str| !inner.contains(['(', ')']);
    match (within('(', ')').filter(one), within('[', ']')) {
        (Some(inner), _) => (inner.trim(), true),
        (_, Some(inner)) => (inner.trim(), false),
        _ => (value, false),
    }
}

/// With `4x4` for every `(4, 4)` inside; brackets behind a word are no size.
fn sizes(text: &str) -> String {
    let (mut line, mut rest) = (String::new(), text);
    while let Some((before, behind)) = rest.split_once('(')
        && let Some((inside, after)) = behind.split_once(')')
        && !inside.contains('(')
        && !before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
    {
        line.push_str(before);
        line.push_str(&plain(&format!("({inside})")));
        rest = after;
    }
    line + rest
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
    use super::{Other, Reading, other, plain};

    #[test]
    fn values_of_other_languages() {
        for (theirs, ours) in [
            ("[1, 2, 2]", "1 2 2"),
            ("(32,32)", "32x32"),
            ("[(4, 4), (2, 2)]", "4x4 2x2"),
            ("(0.5, 0.5, 0.5)", "0.5 0.5 0.5"),
            ("4, head_width 16", "4; head_width 16"),
            ("1, 2,", "1 2"),
            ("4X4", "4x4"),
            ("4×4 2*2", "4x4 2x2"),
            ("'a'", "\"a\""),
            ("((4)", "((4)"),
            ("mlp(4)", "mlp(4)"),
            ("24", "24"),
        ] {
            assert_eq!(plain(theirs), ours);
        }
        let may_be = |value, row: &str, reads| {
            assert_eq!(other(value), Some(Other { row: row.to_string(), reads }));
        };
        may_be("(8, 16)", "8 16", Reading::Numbers);
        may_be("[8, 16]", "8x16", Reading::Size);
        may_be("2*4 3", "8 3", Reading::Numbers);
        assert_eq!(other("2*a"), None);
        assert_eq!(other("8, 16"), None);
        assert_eq!(other("(8, 16, 32)"), None);
    }
}
