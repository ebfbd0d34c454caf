//! Settings said on the command line.

use std::convert::Infallible;
use std::str::FromStr;

/// The flag of an override, and what the source of its argument is called.
pub const OVERRIDE: &str = "--set";

/// `--set mixer.grid=8x8`, or a flag that stands for a setting, as `--epochs 5` for
/// `recipe.epochs=5`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// As the user wrote it, for reports.
    pub flag: &'static str,
    /// A path, `=` and a row.
    pub text: String,
}

impl Argument {
    /// A flag of its own, which stands for the setting of a recipe that is called like it.
    pub fn of_recipe(flag: &'static str, value: u64) -> Argument {
        Argument { flag, text: format!("recipe.{}={value}", flag.trim_start_matches('-')) }
    }

    pub fn is_set(flag: &str) -> bool {
        flag == OVERRIDE
    }

    /// Advice about the `argument` with its settings as arguments say them: `mixer.grid=2x2` for
    /// `grid 2x2`.
    pub fn spelled(help: &str, argument: &str) -> String {
        let whole = argument.split(['@', '=']).next().unwrap_or_default().trim();
        let setting = |text: &str| {
            let (path, row) = text.split_once(' ')?;
            let is_path = path.starts_with(|c: char| c.is_ascii_alphabetic());
            let inside = whole.strip_suffix(path).is_some_and(|around| around.ends_with('.'));
            let path = if inside { whole } else { path };
            (is_path && !row.starts_with('{')).then(|| format!("{path}={row}"))
        };
        let parts = help.split('`').enumerate().map(|(index, part)| match index % 2 {
            1 => setting(part).unwrap_or_else(|| part.to_string()),
            _ => part.to_string(),
        });
        parts.collect::<Vec<String>>().join("`")
    }
}

impl From<&str> for Argument {
    fn from(text: &str) -> Argument {
        Argument { flag: OVERRIDE, text: text.to_string() }
    }
}

impl FromStr for Argument {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Argument, Infallible> {
        Ok(text.into())
    }
}
