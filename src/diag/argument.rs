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

    /// The path of such a text, without the stages it is held to.
    pub fn path(text: &str) -> &str {
        text.split(['@', '=']).next().unwrap_or_default().trim()
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
