//! Options that verbs share.

#[cfg(feature = "train")]
use super::executor;
#[cfg(feature = "train")]
use crate::diag::Argument;
use clap::builder::RangedU64ValueParser;
#[cfg(feature = "train")]
use std::path::PathBuf;

/// Images at a time: as many as memory is counted for.
pub fn batch() -> RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=1 << 24)
}

/// Threads: each has memory of its own, so that more than any machine has cores would only take it.
pub fn threads() -> RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=1 << 12)
}

/// What is done so many times, at least `least`: steps, passes, epochs. More than anybody waits for.
pub fn times(least: u64) -> RangedU64ValueParser {
    clap::value_parser!(u64).range(least..=u64::from(u32::MAX))
}

/// Which model of a file is meant.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// Which model, if the file holds several
    pub name: Option<String>,
    /// Which of its cases, if it is an ablation
    pub case: Option<String>,
}

impl Which {
    /// What it is called where one word names a model: of a case, `ablation.case`.
    pub fn address(&self) -> Option<String> {
        super::address(self.name.as_deref(), self.case.as_deref())
    }
}

/// What a model is run with.
#[cfg(feature = "train")]
#[derive(Debug, clap::Args)]
pub struct Running {
    /// Where the images are, instead of what the data item says
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Change a setting: `recipe.batch=64`, `mixer.grid=8x8`
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<Argument>,
    /// Threads that compute (default: one per core)
    #[arg(long, value_name = "N", value_parser = threads())]
    pub threads: Option<u64>,
    #[command(flatten)]
    pub executor: executor::Options,
    /// Threads that decode and augment; their number never changes a result
    #[arg(long, value_name = "N", value_parser = threads())]
    pub workers: Option<u64>,
}
