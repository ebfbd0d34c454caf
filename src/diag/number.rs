//! Numbers as people read them.

/// `5_680_430`, as the language writes it.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push('_');
        }
        out.push(digit);
    }
    out
}

/// The middle of numbers in order; of an even count the mean of the two.
pub fn median(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some((lower + upper) / 2.0)
}

/// `1.30 G`, `188.88 M`: two decimals, units of a thousand.
pub fn short(n: u64) -> String {
    scaled(n, 1000, &["", "k", "M", "G", "T", "P", "E"])
}

/// `41.25 MiB`.
pub fn bytes(n: u64) -> String {
    scaled(n, 1024, &["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"])
}

fn scaled(n: u64, base: u64, units: &[&str]) -> String {
    let (mut value, mut unit) = (n as f64, 0);
    // 999_999 reads 1.00 M, not 1000.00 k.
    while (value * 100.0).round() >= base as f64 * 100.0 && unit + 1 < units.len() {
        value /= base as f64;
        unit += 1;
    }
    match (unit, units[unit]) {
        (0, "") => n.to_string(),
        (0, name) => format!("{n} {name}"),
        (_, name) => format!("{value:.2} {name}"),
    }
}

/// `+0.25`, `-0.03`, and `0.00` without a sign.
pub fn signed(x: f64, decimals: usize) -> String {
    let text = format!("{x:+.decimals$}");
    match text.contains(|c: char| c.is_ascii_digit() && c != '0') {
        true => text,
        false => text.trim_start_matches(['+', '-']).to_string(),
    }
}

/// `1 image`, `2_000 images`: so many of what has a name with a regular plural.
pub fn many(n: u64, what: &str) -> String {
    format!("{} {}", grouped(n), plural(n as f64, what))
}

/// `image`, `images`: what has a regular plural, for so many.
pub fn plural(n: f64, what: &str) -> String {
    format!("{what}{}", if n == 1.0 { "" } else { "s" })
}

/// `six`: counts up to twelve are words in a sentence.
pub fn word(n: usize) -> String {
    const WORDS: [&str; 13] = [
        "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
        "eleven", "twelve",
    ];
    WORDS.get(n).map_or_else(|| n.to_string(), ToString::to_string)
}

/// How far our number is from a published one: `=` if it agrees to the digits written, else the
/// relative difference, `+1.2 %`.
pub fn difference(written: &str, claimed: f64, ours: f64) -> String {
    if (ours - claimed).abs() <= half_unit(written, claimed) {
        return "=".to_string();
    }
    if claimed == 0.0 {
        return format!("{ours:+}");
    }
    let percent = 100.0 * (ours - claimed) / claimed;
    match percent.abs() {
        p if p < 0.005 => format!("{:+}", ours - claimed),
        p if p < 0.1 => format!("{percent:+.2} %"),
        _ => format!("{percent:+.1} %"),
    }
}

/// Half a unit of the last digit written: 5_000 for `3.02M`; none for a whole number without unit.
fn half_unit(written: &str, claimed: f64) -> f64 {
    let mantissa: String = written
        .chars()
        .filter(|&c| c != '_')
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    let decimals = mantissa.split_once('.').map_or(0, |(_, digits)| digits.len());
    let Ok(digits) = mantissa.parse::<f64>() else { return 0.0 };
    if digits == 0.0 || (decimals == 0 && digits == claimed) {
        return 0.0;
    }
    // A grain more than half: 3.015M is not a double.
    (claimed / digits) * 10f64.powi(-(decimals as i32)) * 0.5 * (1.0 + 1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_count_lies_between() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[1.0, 4.0]), Some(2.5));
        assert_eq!(median(&[1.0, 2.0, 9.0]), Some(2.0));
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(5_680_430), "5_680_430");
        assert_eq!(grouped(u64::MAX), "18_446_744_073_709_551_615");
        assert_eq!(short(999), "999");
        assert_eq!(short(999_999), "1.00 M");
        assert_eq!(short(1_302_729_440), "1.30 G");
        assert_eq!(short(188_880_000), "188.88 M");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1 << 20), "1.00 MiB");
        assert_eq!(word(6), "six");
        assert_eq!(word(13), "13");
    }

    #[test]
    fn a_claim_agrees_to_the_digits_written() {
        assert_eq!(difference("3.02M", 3.02e6, 3_016_788.0), "=");
        assert_eq!(difference("3.02M", 3.02e6, 3_015_000.0), "=");
        assert_eq!(difference("3.02M", 3.02e6, 3_014_999.0), "-0.2 %");
        assert_eq!(difference("5_680_430", 5_680_430.0, 5_680_430.0), "=");
        assert_eq!(difference("5_680_430", 5_680_430.0, 5_680_431.0), "+1");
        assert_eq!(difference("1.30G", 1.3e9, 1_302_729_440.0), "=");
        assert_eq!(difference("1G", 1e9, 1_300_000_000.0), "=");
        assert_eq!(difference("2G", 2e9, 3_000_000_000.0), "+50.0 %");
        assert_eq!(difference("0", 0.0, 1.0), "+1");
    }
}
