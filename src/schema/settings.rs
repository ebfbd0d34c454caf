//! Rust types that settings have: each says what text it takes and reads its value.

use super::{MANY, Reader, Ty, Value};
use crate::syntax::ast::{Literal, Number};

/// A type a setting can have.
pub trait Setting: Sized {
    const TY: Ty;
    /// From a value that `TY` accepted; `None` if something inside is missing (already reported).
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self>;
}

/// The number with its unit applied: `10%` is 0.1, `3.2M` is 3,200,000.
fn number(literal: &Literal) -> Option<f64> {
    match literal {
        Literal::Number(number) => scaled(number),
        _ => None,
    }
}

/// The number with its unit applied; none if there is no such unit.
pub fn scaled(Number { value, unit, .. }: &Number) -> Option<f64> {
    let factor = match unit.as_str() {
        "" => 1.0,
        "%" => 0.01,
        "K" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        _ => return None,
    };
    // 8% must be the same number as 0.08.
    Some(if factor < 1.0 { value / 100.0 } else { value * factor })
}

/// A number that is one in 32 bits too, which is what settings end in.
fn finite(literal: &Literal) -> Option<f64> {
    number(literal).filter(|n| (*n as f32).is_finite())
}

/// The same above 0: not so small that it is nothing.
fn positive(literal: &Literal) -> Option<f64> {
    finite(literal).filter(|n| *n as f32 > 0.0)
}

/// The largest whole number that a setting takes.
pub const MOST: u32 = u32::MAX;

/// The most rows, and the most columns, that a size has.
pub const MOST_OF_A_SIDE: usize = 1 << 20;

fn whole(literals: &[Literal], min: f64) -> Option<Value> {
    let value = number(&literals[0])?;
    let fits = value.fract() == 0.0 && value >= min && value <= f64::from(MOST);
    fits.then_some(Value::Number(value))
}

macro_rules! numeric {
    ($(#[$doc:meta])* $name:ident($inner:ty), $expected:literal, $parse:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
        pub struct $name(pub $inner);

        impl Setting for $name {
            const TY: Ty = Ty::Plain { expected: $expected, arity: 1, parse: $parse };
            fn read(value: &Value, _: &mut Reader<'_>) -> Option<Self> {
                match value {
                    Value::Number(number) => Some($name(*number as $inner)),
                    _ => None,
                }
            }
        }
    };
}

numeric!(
    /// From 1 up.
    Count(usize), "a whole number from 1 up", |row| whole(row, 1.0)
);
numeric!(
    /// From 0 up.
    Whole(u64), "a whole number from 0 up", |row| whole(row, 0.0)
);
numeric!(
    /// From 0 to 1.
    Fraction(f64), "a number between 0 and 1, such as 0.1 or 10%",
    |row| number(&row[0]).filter(|n| (0.0..=1.0).contains(n)).map(Value::Number)
);
numeric!(
    /// What is left of something after a step, or dropped of it: never all.
    Part(f64), "a number from 0 up and below 1",
    |row| number(&row[0]).filter(|n| *n >= 0.0 && (*n as f32) < 1.0).map(Value::Number)
);
numeric!(
    /// From 1 to 100.
    UpTo100(usize), "a whole number from 1 to 100",
    |row| whole(row, 1.0).filter(|value| matches!(value, Value::Number(n) if *n <= 100.0))
);
numeric!(
    /// Pixels of an image that is made: more than fit into memory are none.
    Pixels(usize), "a whole number from 1 to 16_384",
    |row| whole(row, 1.0).filter(|value| matches!(value, Value::Number(n) if *n <= 16384.0))
);
numeric!(
    /// 0 or more.
    Amount(f64), "a number from 0 up",
    |row| finite(&row[0]).filter(|n| *n >= 0.0).map(Value::Number)
);
numeric!(
    /// Above 0.
    Positive(f64), "a number above 0",
    |row| positive(&row[0]).map(Value::Number)
);

/// Rows and columns.
impl Setting for [usize; 2] {
    const TY: Ty = Ty::Plain {
        expected: "a size, rows x columns, such as 7x7",
        arity: 1,
        parse: |row| match &row[0] {
            Literal::Size(sides) => match sides[..] {
                [rows, columns] => {
                    let fits = [rows, columns].iter().all(|s| (1..=MOST_OF_A_SIDE).contains(s));
                    fits.then_some(Value::Size([rows, columns]))
                }
                _ => None,
            },
            _ => None,
        },
    };
    fn read(value: &Value, _: &mut Reader<'_>) -> Option<Self> {
        match value {
            Value::Size(size) => Some(*size),
            _ => None,
        }
    }
}

/// Rows and columns, none of them less than 8.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct From8(pub [usize; 2]);

impl Setting for From8 {
    const TY: Ty = Ty::Plain {
        expected: "a size, rows x columns, of at least 8x8",
        arity: 1,
        parse: |row| {
            let size = <[usize; 2]>::TY.parse(row)?;
            matches!(size, Value::Size([rows, columns]) if rows.min(columns) >= 8).then_some(size)
        },
    };
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        <[usize; 2]>::read(value, reader).map(From8)
    }
}

/// `on` or `off`.
impl Setting for bool {
    const TY: Ty = Ty::Plain {
        expected: "on or off",
        arity: 1,
        parse: |row| match &row[0] {
            Literal::Name(name) if name == "on" => Some(Value::Switch(true)),
            Literal::Name(name) if name == "off" => Some(Value::Switch(false)),
            _ => None,
        },
    };
    fn read(value: &Value, _: &mut Reader<'_>) -> Option<Self> {
        match value {
            Value::Switch(on) => Some(*on),
            _ => None,
        }
    }
}

/// A path to a file or folder, relative to the working directory: the model has joined it with the
/// folder of the file that says it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PathText(pub String);

impl Setting for PathText {
    const TY: Ty = Ty::Path;
    fn read(value: &Value, _: &mut Reader<'_>) -> Option<Self> {
        match value {
            Value::Text(text) => Some(PathText(text.clone())),
            _ => None,
        }
    }
}

macro_rules! colors {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $number:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Default)]
        pub struct $name(pub [f64; 3]);

        impl Setting for $name {
            const TY: Ty = Ty::Plain {
                expected: $expected,
                arity: 3,
                parse: |row| row.iter().map($number).collect::<Option<Vec<_>>>().map(Value::Numbers),
            };
            fn read(value: &Value, _: &mut Reader<'_>) -> Option<Self> {
                match value {
                    Value::Numbers(numbers) => numbers.as_slice().try_into().ok().map($name),
                    _ => None,
                }
            }
        }
    };
}

colors!(
    /// A color: one number for each of red, green and blue.
    Color, "three numbers between 0 and 1, for red, green and blue",
    |literal| number(literal).filter(|n| (0.0..=1.0).contains(n))
);
colors!(
    /// What red, green and blue are divided by.
    Scales, "three numbers above 0, for red, green and blue", positive
);

/// A learning rate, or that it is to be found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    Fixed(f64),
    Auto,
}

impl Setting for Rate {
    const TY: Ty = Ty::Plain {
        expected: "a number above 0, or auto",
        arity: 1,
        parse: |row| match &row[0] {
            Literal::Name(name) if name == "auto" => Some(Value::Word("auto")),
            literal => positive(literal).map(Value::Number),
        },
    };
    fn read(value: &Value, _: &mut Reader<'_>) -> Option<Self> {
        match value {
            Value::Number(number) => Some(Rate::Fixed(*number)),
            Value::Word("auto") => Some(Rate::Auto),
            _ => None,
        }
    }
}

/// Points of a training in rising order, in epochs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Epochs(pub Vec<f64>);

impl Setting for Epochs {
    const TY: Ty = Ty::Plain {
        expected: "epochs in rising order, such as 30 60 90",
        arity: MANY,
        parse: |row| {
            let epochs = row.iter().map(number).collect::<Option<Vec<_>>>()?;
            let first = epochs.first().is_some_and(|first| *first > 0.0 && first.is_finite());
            let rises = epochs.is_sorted_by(|a, b| a < b && b.is_finite());
            (first && rises).then_some(Value::Numbers(epochs))
        },
    };
    fn read(value: &Value, _: &mut Reader<'_>) -> Option<Self> {
        match value {
            Value::Numbers(numbers) => Some(Epochs(numbers.clone())),
            _ => None,
        }
    }
}

/// Names, or parts of them with `*` for the rest.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Patterns(pub Vec<String>);

impl Patterns {
    /// Whether one of them is the name.
    pub fn name(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| is(pattern, name))
    }

    /// Those that are none of the names.
    pub fn without<'a>(&self, names: impl Iterator<Item = &'a str> + Clone) -> Vec<&str> {
        let none = |pattern: &&String| !names.clone().any(|name| is(pattern, name));
        self.0.iter().filter(none).map(String::as_str).collect()
    }
}

/// Whether a name is what a pattern says, with `*` for any part of it.
fn is(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

impl Setting for Patterns {
    const TY: Ty = Ty::Plain {
        expected: "names in quotes, with * for any part of one, such as \"*.bias\"",
        arity: MANY,
        parse: |row| {
            let text = |literal: &Literal| match literal {
                Literal::Text(text) if !text.is_empty() => Some(text.clone()),
                _ => None,
            };
            row.iter().map(text).collect::<Option<Vec<_>>>().map(Value::Texts)
        },
    };
    fn read(value: &Value, _: &mut Reader<'_>) -> Option<Self> {
        match value {
            Value::Texts(texts) => Some(Patterns(texts.clone())),
            _ => None,
        }
    }
}

/// From the first to the second number, both included.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Range(pub f64, pub f64);

impl Setting for Range {
    const TY: Ty = Ty::Plain {
        expected: "a range above 0, the lower end first, such as 0.5..2",
        arity: 1,
        parse: |row| {
            let Literal::Range(low, high) = &row[0] else { return None };
            let (low, high) = (scaled(low)?, scaled(high)?);
            let fits = low > 0.0 && low <= high && (high as f32).is_finite();
            fits.then_some(Value::Range(low, high))
        },
    };
    fn read(value: &Value, _: &mut Reader<'_>) -> Option<Self> {
        match value {
            Value::Range(low, high) => Some(Range(*low, *high)),
            _ => None,
        }
    }
}

/// The same of parts of a whole.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Parts(pub f64, pub f64);

impl Setting for Parts {
    const TY: Ty = Ty::Plain {
        expected: "a range above 0 and up to 1, the lower end first, such as 8%..100%",
        arity: 1,
        parse: |row| {
            let range = Range::TY.parse(row)?;
            matches!(range, Value::Range(_, high) if high <= 1.0).then_some(range)
        },
    };
    fn read(value: &Value, _: &mut Reader<'_>) -> Option<Self> {
        match value {
            Value::Range(low, high) => Some(Parts(*low, *high)),
            _ => None,
        }
    }
}

/// `off` is none.
impl<T: Setting> Setting for Option<T> {
    const TY: Ty = Ty::Off(&T::TY);
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        match value {
            Value::Off => Some(None),
            value => T::read(value, reader).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is;

    #[test]
    fn patterns() {
        let name = "stage1.block2.mixer.key.weight";
        for pattern in [name, "*", "*.weight", "stage1.*", "*.mixer.*", "s*1*.key.w*t", "**"] {
            assert!(is(pattern, name), "{pattern}");
        }
        for pattern in
            ["", "weight", "*.bias", "stage2.*", "*.key", "*weight*weight", "stage1.*.key"]
        {
            assert!(!is(pattern, name), "{pattern}");
        }
        assert!(is("", "") && is("a*a", "aa") && !is("a*a", "a"));
    }
}
