//! What to do about a mistake.

use std::fmt;

/// Words, with the settings to write kept apart from them: a text writes `grid 2x2`, an argument
/// `mixer.grid=2x2`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Help(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Words(String),
    Setting(Written),
    /// The path of a setting alone.
    Path(String),
}

/// A setting as it is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub path: String,
    /// A value, a row of them or a kind, perhaps with its body.
    pub row: String,
}

impl Written {
    pub fn new(path: impl Into<String>, row: impl Into<String>) -> Written {
        Written { path: path.into(), row: row.into() }
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.row)
    }
}

impl Help {
    /// What to write instead.
    pub fn write(path: impl Into<String>, row: impl Into<String>) -> Help {
        Help::from("write ").setting(path, row)
    }

    pub fn words(mut self, more: impl AsRef<str>) -> Help {
        match self.0.last_mut() {
            Some(Part::Words(words)) => words.push_str(more.as_ref()),
            _ => self.0.push(Part::Words(more.as_ref().to_string())),
        }
        self
    }

    pub fn setting(self, path: impl Into<String>, row: impl Into<String>) -> Help {
        self.written(Written::new(path, row))
    }

    pub fn written(mut self, setting: Written) -> Help {
        self.0.push(Part::Setting(setting));
        self
    }

    /// A setting by its path alone.
    pub fn path(mut self, path: impl Into<String>) -> Help {
        self.0.push(Part::Path(path.into()));
        self
    }

    /// Several settings: `one, another or a third`.
    pub fn settings(self, settings: Vec<Written>, joint: &str) -> Help {
        let last = settings.len().saturating_sub(1);
        settings.into_iter().enumerate().fold(self, |help, (at, setting)| {
            let help = match at {
                0 => help,
                _ if at == last => help.words(format!(" {joint} ")),
                _ => help.words(", "),
            };
            help.written(setting)
        })
    }

    /// And then other advice.
    pub fn then(self, other: Help) -> Help {
        other.0.into_iter().fold(self, |help, part| match part {
            Part::Words(words) => help.words(words),
            Part::Setting(setting) => help.written(setting),
            Part::Path(path) => help.path(path),
        })
    }

    /// The settings named, in their order.
    pub fn named(&self) -> impl Iterator<Item = &Written> {
        self.0.iter().filter_map(|part| match part {
            Part::Words(_) | Part::Path(_) => None,
            Part::Setting(setting) => Some(setting),
        })
    }

    /// With the settings as arguments say them, those inside of what the argument `of` a path speaks
    /// of by the whole path: `mixer.grid=2x2` for `grid 2x2`. `is_one` tells which paths there are.
    pub fn in_arguments(self, of: &str, is_one: impl Fn(&str) -> bool) -> Help {
        let whole = |path: String| {
            if of.strip_suffix(&path).is_some_and(|around| around.ends_with('.')) {
                return of.to_string();
            }
            let arounds = of.rmatch_indices('.').map(|(at, _)| &of[..at]);
            arounds
                .map(|around| format!("{around}.{path}"))
                .find(|path| is_one(path))
                .unwrap_or(path)
        };
        self.0.into_iter().fold(Help::default(), |help, part| match part {
            Part::Words(words) => help.words(words),
            Part::Setting(Written { path, row }) => help.words(format!("`{}={row}`", whole(path))),
            Part::Path(path) => help.words(format!("`{}`", whole(path))),
        })
    }
}

impl fmt::Display for Help {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Words(words) => f.write_str(words),
            Part::Setting(setting) => write!(f, "`{setting}`"),
            Part::Path(path) => write!(f, "`{path}`"),
        })
    }
}

impl From<String> for Help {
    fn from(words: String) -> Help {
        Help::default().words(words)
    }
}

impl From<&str> for Help {
    fn from(words: &str) -> Help {
        Help::default().words(words)
    }
}
